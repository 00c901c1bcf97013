/** A run's status as icon, word and colour; never colour alone. */
import type { RunStatus } from '../api/types';
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

export const statusLook = (status: string): Look => looks[status as RunStatus] ?? { icon: 'clock', tone: 'calm' };

export function Status({ status, large = false, testId }: { status: string; large?: boolean; testId?: string }) {
  const look = statusLook(status);
  return (
    <span className={classes['status']} data-tone={look.tone} data-large={large} data-status={status} data-testid={testId}>
      <Icon name={look.icon} size={large ? 18 : 15} className={look.spin ? 'spin' : undefined} />
      {status}
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
