import { Stack } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { useTaskTitle } from '../api/definitions';
import { useRun } from '../api/runs';
import { useScheduleName } from '../api/schedules';
import { isTerminal, type Run } from '../api/types';
import { Copy } from '../components/Copy';
import { JsonView } from '../components/JsonView';
import { Card, Facts, PageHead } from '../components/layout';
import { LinkAnchor } from '../components/links';
import { LiveMark } from '../components/LiveMark';
import { Empty, Failure, Loading } from '../components/Notice';
import { WorkerName } from '../components/WorkerName';
import { Status } from '../components/Status';
import { absolute, Ago, Duration, seconds } from '../components/time';
import { useRunStream, type RunStream } from '../live/useRunStream';
import { Attempts } from './run/Attempts';
import { LogPanel } from './run/LogPanel';
import { ErrorBox, ProgressBox, Sentences } from './run/Parts';
import { RunActions } from './run/RunActions';
import classes from './run/run.module.css';

const route = getRouteApi('/inside/runs/$id');

function Details({ run }: { run: Run }) {
  const scheduleName = useScheduleName();
  const ended = isTerminal(run.status);
  return (
    <Card title="Details">
      <Facts
        items={[
          ['Created', <Ago iso={run.created_at} />],
          ['Due', run.due_at && run.due_at > run.created_at ? <Ago iso={run.due_at} /> : null],
          ['Started', run.started_at ? <Ago iso={run.started_at} /> : null],
          ['Ended', run.completed_at ? <Ago iso={run.completed_at} /> : null],
          [
            ended ? 'Took' : 'So far',
            run.started_at ? (
              <Duration start={run.started_at} end={run.completed_at} value={run.duration} live={!ended} />
            ) : null,
          ],
          ['CPU time', run.cpu_seconds === null ? null : seconds(run.cpu_seconds)],
          ['Attempt', run.attempt > 0 ? String(run.attempt) : null],
          ['Started by', run.user],
          [
            'Schedule',
            run.schedule ? (
              <Link to="/schedules/$name" params={{ name: run.schedule }}>
                {scheduleName(run.schedule)}
              </Link>
            ) : null,
          ],
          [
            'Parent run',
            run.parent ? (
              <Link to="/runs/$id" params={{ id: run.parent }} className="mono">
                {run.parent.slice(-8)}
              </Link>
            ) : null,
          ],
          ['Worker', run.worker ? <WorkerName id={run.worker} /> : null],
          ['Priority', String(run.priority)],
          ['Entity', run.entity],
          ['Tags', run.tags.join(', ')],
          ['Run id', <span className="mono">{run.id}</span>],
        ]}
      />
    </Card>
  );
}

function Result({ run }: { run: Run }) {
  if (run.status !== 'completed' || run.result === null) return null;
  const text = typeof run.result === 'string' ? run.result : JSON.stringify(run.result, null, 2);
  return (
    <Card title="Result" testId="result" actions={<Copy text={text} label="Copy the result" />}>
      <div className={classes['result']} role="region" aria-label="Result" tabIndex={0}>
        <JsonView value={run.result} />
      </div>
    </Card>
  );
}

function Arguments({ run }: { run: Run }) {
  if (Object.keys(run.arguments).length === 0) return null;
  return (
    <Card
      title="Arguments"
      actions={
        <LinkAnchor to="/tasks/$name" params={{ name: run.definition }} search={{ arguments: run.arguments }} size="sm">
          Run again with changes
        </LinkAnchor>
      }
    >
      <JsonView value={run.arguments} />
    </Card>
  );
}

function RunView({ run, stream }: { run: Run; stream: RunStream }) {
  const titleOf = useTaskTitle();
  const title = titleOf(run.definition);
  const ended = isTerminal(run.status);
  return (
    <>
      <PageHead
        documentTitle={`${run.status}: ${title}`}
        above={
          <>
            <Link to="/runs">Runs</Link>
            <span aria-hidden="true">/</span>
            <Link to="/tasks/$name" params={{ name: run.definition }}>
              {run.definition}
            </Link>
          </>
        }
        title={title}
        lead={
          <span className={classes['lead']}>
            <span role="status">
              <Status status={run.status} large testId="status" />
            </span>
            <time dateTime={run.created_at}>{absolute(run.created_at)}</time>
            <LiveMark connection={stream.connection} ended={ended} />
          </span>
        }
        actions={<RunActions run={run} title={title} />}
      />
      <Stack gap="md">
        <Sentences run={run} />
        <ProgressBox run={run} />
        <ErrorBox run={run} />
        <div className={classes['columns']}>
          <Stack gap="md" miw={0}>
            <Result run={run} />
            <LogPanel run={run} stream={stream} />
          </Stack>
          <Stack gap="md" miw={0}>
            <Details run={run} />
            <Arguments run={run} />
            <Attempts run={run} />
          </Stack>
        </div>
      </Stack>
    </>
  );
}

/** Rises when a run that had ended goes on: somebody restarted it. */
function useGeneration(run: Run | undefined): number {
  const [generation, setGeneration] = useState(0);
  const ended = useRef(false);
  const now = run ? isTerminal(run.status) : ended.current;
  useEffect(() => {
    if (ended.current && !now) setGeneration((old) => old + 1);
    ended.current = now;
  }, [now]);
  return generation;
}

export function RunPage() {
  const { id } = route.useParams();
  const { data: run, error, refetch } = useRun(id);
  const generation = useGeneration(run);
  const stream = useRunStream(id, generation);
  if (run) return <RunView run={run} stream={stream} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty page icon="search" title="This run is not known">
        It may have been deleted. <Link to="/runs">See all runs</Link>
      </Empty>
    );
  }
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  return <Loading rows={4} height={110} />;
}
