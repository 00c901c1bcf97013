import { Group, Stack, Text } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ApiError } from '../api/client';
import { useDefinition } from '../api/definitions';
import { useRuns } from '../api/runs';
import { useMayOperate } from '../api/system';
import type { Definition, Run } from '../api/types';
import { Icon, taskIcon } from '../components/icons';
import { Card, Facts, PageHead } from '../components/layout';
import { LinkAnchor, LinkButton } from '../components/links';
import { Empty, Failure, Loading, Notice } from '../components/Notice';
import { RunsTable } from '../components/RunsTable';
import { statusLook } from '../components/Status';
import { TaskBadges } from '../components/TaskBadges';
import { Ago, seconds } from '../components/time';
import { RunForm } from './RunForm';
import classes from './Task.module.css';

const route = getRouteApi('/inside/tasks/$name');
const MODES: Record<string, string> = {
  async: 'on the event loop',
  thread: 'in a thread',
  process: 'in a process of its own',
  dask: 'on the Dask cluster',
};

/** The last runs at a glance; the table below says the same in words. */
function DurationBars({ runs }: { runs: Run[] }) {
  const ended = runs.filter((run) => run.duration !== null).slice(0, 24);
  if (ended.length < 3) return null;
  const longest = Math.max(...ended.map((run) => run.duration ?? 0), 0.001);
  return (
    <div className={classes['bars']} aria-hidden="true">
      {[...ended].reverse().map((run) => (
        <div
          key={run.id}
          title={`${run.status}, ${seconds(run.duration ?? 0)}`}
          data-tone={statusLook(run.status).tone}
          style={{ height: `${Math.max(6, (100 * (run.duration ?? 0)) / longest)}%` }}
        />
      ))}
    </div>
  );
}

/** The live sessions that know the task; more than one version of it is worth seeing. */
function KnownTo({ task }: { task: Definition }) {
  return task.versions.map(({ source_hash, workers }) => (
    <div key={source_hash}>
      {workers.map((id) => id.slice(-8)).join(', ')} <span className="mono">({source_hash.slice(0, 8)})</span>
    </div>
  ));
}

const hashes = (task: Definition): Set<string> => new Set(task.versions.map(({ source_hash }) => source_hash));

/** What is unusual about where the task's code is. */
function Whereabouts({ task }: { task: Definition }) {
  const known = hashes(task);
  if (task.here) known.add(task.source_hash);
  return (
    <>
      {known.size > 1 ? (
        <Notice tone="warn" icon="alert" title={`${known.size} versions of this task are alive`}>
          Its code, parameters or options differ between processes; see “Known to”. A run takes those of the worker that starts it.
        </Notice>
      ) : null}
      {task.here ? null : (
        <Notice tone="warn" icon="server" title="This server does not have the code of this task">
          It is shown as a worker describes it. To start it here, give this server the same task folder.
        </Notice>
      )}
    </>
  );
}

/** Stands where other tasks have their form: nobody runs a service by hand. */
function KeptRunning() {
  return (
    <Card title="This task is a service" testId="kept-running">
      <Text size="sm">
        One of it is kept running, by a schedule that says <code>@always</code>. It is started, stopped and restarted
        among the <Link to="/services">services</Link>.
      </Text>
    </Card>
  );
}

function About({ task }: { task: Definition }) {
  const stats = task.stats;
  return (
    <Card title="About">
      <Facts
        items={[
          ['Category', task.category],
          ['Tags', task.tags.join(', ')],
          ['Runs', stats && stats.runs > 0 ? `${stats.runs}, of which ${stats.errors} failed` : null],
          ['Last run', stats?.last_run_at ? <Ago iso={stats.last_run_at} /> : null],
          ['Takes about', stats?.mean_seconds ? seconds(stats.mean_seconds) : null],
          ['Executed', `${MODES[task.mode] ?? task.mode}${task.service ? ', as a service' : ''}`],
          ['Time limit', task.timeout === null ? null : seconds(task.timeout)],
          ['Can pause', task.pausable ? 'yes' : 'no'],
          ['Known to', task.versions.length > 0 ? <KnownTo task={task} /> : 'no live worker'],
          ['Source', task.source ? <span className="mono">{task.source}</span> : null],
        ]}
      />
    </Card>
  );
}

function Recent({ name }: { name: string }) {
  const { data, error, refetch } = useRuns({ definition: name }, 24);
  const runs = data?.pages[0]?.items ?? [];
  return (
    <Card
      title="Recent runs"
      flush
      actions={
        runs.length > 0 ? (
          <LinkAnchor to="/runs" search={{ task: name }} size="sm">
            All runs
          </LinkAnchor>
        ) : null
      }
    >
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      <DurationBars runs={runs} />
      {runs.length > 0 ? (
        <RunsTable runs={runs.slice(0, 8)} label="Recent runs" compact />
      ) : (
        <Text c="dimmed" size="sm" px={20} pb={20}>
          {data ? 'This task has not run yet.' : 'Loading…'}
        </Text>
      )}
    </Card>
  );
}

export function Task() {
  const { name } = route.useParams();
  const given = route.useSearch().arguments;
  const { data: task, error, isPending, refetch } = useDefinition(name);
  const mayOperate = useMayOperate();
  if (isPending) return <Loading rows={3} height={140} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty page icon="search" title={`There is no task called ${name}`}>
        Its file may have been removed or may have an error. <Link to="/problems">See the problems</Link>
      </Empty>
    );
  }
  if (!task) return <Failure error={error} retry={() => void refetch()} />;
  const paragraphs = (task.description ?? '').split(/\n\s*\n/).filter(Boolean);
  return (
    <>
      <PageHead
        documentTitle={task.title || task.name}
        above={
          <>
            <Link to="/tasks">Tasks</Link>
            <span aria-hidden="true">/</span>
            <span>{task.name}</span>
          </>
        }
        title={
          <Group gap="sm" component="span" wrap="nowrap">
            <span className={classes['icon']}>
              <Icon name={taskIcon(task.icon)} size={22} />
            </span>
            {task.title || task.name}
          </Group>
        }
        actions={
          mayOperate && !task.service ? (
            <LinkButton
              to="/schedules"
              search={{ new: true, task: task.name }}
              variant="default"
              leftSection={<Icon name="calendar" size={17} />}
            >
              Schedule it
            </LinkButton>
          ) : null
        }
      />
      <Stack gap={8} mb="lg" maw={760}>
        {paragraphs.map((paragraph, index) => (
          <Text key={index} c={index === 0 ? undefined : 'dimmed'} className={classes['description']}>
            {paragraph}
          </Text>
        ))}
        <Group gap={6}>
          <TaskBadges task={task} />
        </Group>
        <Whereabouts task={task} />
      </Stack>
      <div className={classes['columns']}>
        {/* A changed link, and another task, are another form. */}
        {task.service ? (
          <KeptRunning />
        ) : (
          <RunForm key={`${task.name} ${JSON.stringify(given ?? null)}`} task={task} given={given} />
        )}
        <Stack gap="md" miw={0}>
          <Recent name={task.name} />
          <About task={task} />
        </Stack>
      </div>
    </>
  );
}
