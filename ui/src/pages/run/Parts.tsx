/** The parts above a run's log: what it waits for, how far it is, why it failed. */
import { Progress } from '@mantine/core';
import { isTerminal, type Run } from '../../api/types';
import { Copy } from '../../components/Copy';
import { Notice } from '../../components/Notice';
import { seconds, useNow } from '../../components/time';
import classes from './run.module.css';

/** What is going on beyond the status, each as one sentence. */
export function Sentences({ run }: { run: Run }) {
  return (
    <>
      {run.status === 'pending' && run.waiting_for ? (
        <Notice tone="calm" icon="hourglass" title={<span data-testid="waiting-for">{run.waiting_for}</span>} />
      ) : null}
      {run.status === 'retrying' && run.waiting_for ? (
        <Notice tone="calm" icon="restart" title={run.waiting_for} />
      ) : null}
      {run.pause_requested && run.status === 'running' ? (
        <Notice tone="warn" icon="pauseCircle" title="The run pauses at its next checkpoint." />
      ) : null}
      {run.status === 'cancelling' ? (
        <Notice tone="warn" icon="hourglass" title="The run was told to stop. It keeps its slot until its code returns." />
      ) : null}
      {run.status === 'interrupted' && !run.error ? (
        <Notice
          tone="warn"
          icon="bolt"
          title="The worker of this run stopped. It is held for a person: look at what it did, then restart or delete it."
        />
      ) : null}
      {(run.warnings ?? []).length > 0 ? (
        <Notice tone="warn" icon="alert" title={run.warnings.length === 1 ? run.warnings[0] : 'Warnings'}>
          {run.warnings.length > 1 ? (
            <ul className={classes['warnings']}>
              {run.warnings.map((warning, index) => (
                <li key={index}>{warning}</li>
              ))}
            </ul>
          ) : null}
        </Notice>
      ) : null}
    </>
  );
}

function useEta(eta: number | string | null, live: boolean): string | null {
  const present = useNow(live ? 1 : 3600);
  if (!live || eta === null) return null;
  const left = typeof eta === 'number' ? eta : (Date.parse(eta) - present) / 1000;
  return left > 0 ? `about ${seconds(left < 10 ? Math.ceil(left) : left)} left` : null;
}

const amount = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 1 });

export function ProgressBox({ run }: { run: Run }) {
  const ended = isTerminal(run.status);
  const eta = useEta(run.progress?.eta ?? null, run.status === 'running');
  const progress = run.progress;
  if (!progress && (ended || run.status === 'pending')) return null;
  if (ended && run.status === 'completed') return null;
  const total = progress?.total ?? 0;
  const percent = progress && total > 0 ? Math.min(100, (100 * progress.current) / total) : null;
  const moving = run.status === 'running';
  const words = progress?.message || (moving ? 'Working' : '');
  return (
    <div className={`card ${classes['progress']}`} data-testid="progress">
      <div className={classes['progressWords']}>
        <span className={classes['message']}>{words}</span>
        <span className={`num ${classes['figures']}`}>
          {progress && total > 0 ? `${amount(progress.current)} of ${amount(total)}` : null}
          {eta ? ` · ${eta}` : null}
          {percent === null ? null : <strong> {Math.floor(percent)} %</strong>}
        </span>
      </div>
      <Progress.Root size="lg" radius="xl">
        <Progress.Section
          value={percent ?? 100}
          color={ended ? 'gray.6' : undefined}
          animated={moving}
          striped={moving}
          aria-label="Progress"
          {...(percent === null ? { 'aria-valuetext': 'working' } : {})}
        />
      </Progress.Root>
    </div>
  );
}

export function ErrorBox({ run }: { run: Run }) {
  const error = run.error;
  if (!error) return null;
  const text = error.traceback ?? `${error.kind}: ${error.message}`;
  return (
    <section className={`card ${classes['error']}`} data-testid="error">
      <div className={classes['errorHead']}>
        <div>
          <h2>{error.kind}</h2>
          <p>{error.message}</p>
        </div>
        <Copy text={text} label="Copy the error" />
      </div>
      {error.traceback ? (
        <details open>
          <summary>Traceback</summary>
          <pre tabIndex={0}>{error.traceback}</pre>
        </details>
      ) : null}
    </section>
  );
}
