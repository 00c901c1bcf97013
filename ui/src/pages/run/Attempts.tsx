/** The tries of a run, the newest first. */
import { useAttempts } from '../../api/runs';
import { isTerminal, type Attempt, type Run } from '../../api/types';
import { Card } from '../../components/layout';
import { Status } from '../../components/Status';
import { WorkerName } from '../../components/WorkerName';
import { Ago, Duration } from '../../components/time';
import classes from './run.module.css';

function Row({ attempt, live }: { attempt: Attempt; live: boolean }) {
  return (
    <li className={classes['attempt']}>
      <div className={classes['attemptHead']}>
        <span className="num">{attempt.number}</span>
        <Status status={attempt.status} />
        <span className={classes['attemptTimes']}>
          <Ago iso={attempt.started_at} />
          {' · '}
          <Duration start={attempt.started_at} end={attempt.completed_at} live={live && !attempt.completed_at} />
        </span>
      </div>
      {attempt.error ? (
        <details className={classes['attemptError']}>
          <summary>
            {attempt.error.kind}: {attempt.error.message}
          </summary>
          {attempt.error.traceback ? <pre tabIndex={0}>{attempt.error.traceback}</pre> : null}
        </details>
      ) : null}
      {attempt.worker ? <div className={classes['attemptWorker']}>on <WorkerName id={attempt.worker} /></div> : null}
    </li>
  );
}

export function Attempts({ run }: { run: Run }) {
  const { data } = useAttempts(run.id, run.attempt, run.status);
  if (!data || data.length === 0) return null;
  const newestFirst = [...data].sort((a, b) => b.number - a.number);
  return (
    <Card title="Attempts">
      <ol className={classes['attempts']} data-testid="attempts">
        {newestFirst.map((attempt) => (
          <Row key={attempt.id} attempt={attempt} live={!isTerminal(run.status)} />
        ))}
      </ol>
    </Card>
  );
}
