/** The status of a run and the state of a service as icon, word and colour; never colour alone. */
import type { RunStatus, ServiceState } from '../api/types';
import { Icon, type IconName } from './icons';
import classes from './Status.module.css';

interface Look {
  icon: IconName;
  tone: 'ok' | 'busy' | 'warn' | 'bad' | 'calm' | 'retry';
  spin?: boolean;
}

const looks: Record<RunStatus, Look> = {
  pending: { icon: 'clock', tone: 'calm' },
  running: { icon: 'progress', tone: 'busy', spin: true },
  paused: { icon: 'pauseCircle', tone: 'warn' },
  cancelling: { icon: 'hourglass', tone: 'warn' },
  retrying: { icon: 'restart', tone: 'retry' },
  completed: { icon: 'check', tone: 'ok' },
  error: { icon: 'alert', tone: 'bad' },
  cancelled: { icon: 'crossCircle', tone: 'calm' },
  interrupted: { icon: 'bolt', tone: 'warn' },
  skipped: { icon: 'skip', tone: 'calm' },
};

const stateLooks: Record<ServiceState, Look> = {
  starting: { icon: 'clock', tone: 'calm' },
  running: { icon: 'activity', tone: 'ok' },
  restarting: { icon: 'restart', tone: 'retry' },
  stopping: { icon: 'hourglass', tone: 'warn' },
  stopped: { icon: 'stop', tone: 'calm' },
  failed: { icon: 'alert', tone: 'bad' },
};

export const statusLook = (status: string): Look => looks[status as RunStatus] ?? { icon: 'clock', tone: 'calm' };

export function Status({ status, large = false, testId }: { status: string; large?: boolean; testId?: string }) {
  return <Pill look={statusLook(status)} word={status} large={large} testId={testId} />;
}

export function State({ state, large = false }: { state: ServiceState; large?: boolean }) {
  return <Pill look={stateLooks[state]} word={state} large={large} testId="service-state" />;
}

function Pill({ look, word, large, testId }: { look: Look; word: string; large: boolean; testId: string | undefined }) {
  return (
    <span className={classes['status']} data-tone={look.tone} data-large={large} data-status={word} data-testid={testId}>
      <Icon name={look.icon} size={large ? 18 : 15} className={look.spin ? 'spin' : undefined} />
      {word}
    </span>
  );
}

/** A small label with an optional icon: badges of tasks, outcomes of fires. */
export function Label({
  tone = 'calm',
  icon,
  title,
  children,
}: {
  tone?: Look['tone'];
  icon?: IconName;
  title?: string | undefined;
  children: React.ReactNode;
}) {
  return (
    <span className={classes['label']} data-tone={tone} title={title}>
      {icon ? <Icon name={icon} size={14} /> : null}
      {children}
    </span>
  );
}
