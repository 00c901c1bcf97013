import { Button, Group, MultiSelect, Select, Text } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useDefinitions } from '../api/definitions';
import { useBulk, useRuns } from '../api/runs';
import { useScheduleName } from '../api/schedules';
import { useMayOperate } from '../api/system';
import { STATUSES } from '../api/types';
import { useConfirm } from '../components/Confirm';
import { Icon } from '../components/icons';
import { Card, PageHead } from '../components/layout';
import { LiveMark } from '../components/LiveMark';
import { Empty, Failure, Loading } from '../components/Notice';
import { say, sayFailure } from '../components/notify';
import { RunsTable } from '../components/RunsTable';
import { useTasksConnection } from '../live/useTasksStream';
import classes from './Runs.module.css';

const route = getRouteApi('/inside/runs');
type Action = 'cancel' | 'restart' | 'delete';
const DONE: Record<Action, string> = { cancel: 'cancelled', restart: 'restarted', delete: 'deleted' };
const runsWord = (n: number): string => (n === 1 ? 'one run' : `${n} runs`);

function BulkBar({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: () => void }) {
  const bulk = useBulk();
  const [ask, dialog] = useConfirm();
  const act = (action: Action) =>
    bulk.mutate(
      { action, ids: [...chosen] },
      {
        onSuccess: (results) => {
          const refused = results.filter((result) => result.status >= 400);
          const first = refused[0]?.detail;
          say(
            refused.length === 0
              ? `${runsWord(results.length)} ${DONE[action]}.`
              : `${results.length - refused.length} of ${results.length} ${DONE[action]}. ${first ?? 'The others were in another state.'}`,
          );
          onDone();
        },
        onError: sayFailure,
      },
    );
  const withQuestion = (action: Action) =>
    ask({
      title: `${action === 'delete' ? 'Delete' : action === 'cancel' ? 'Cancel' : 'Restart'} ${runsWord(chosen.size)}?`,
      text: action === 'delete' ? 'Their logs and results are deleted as well. This cannot be undone.' : undefined,
      yes: action === 'delete' ? 'Delete' : action === 'cancel' ? 'Cancel the runs' : 'Restart',
      onYes: () => act(action),
    });
  return (
    <div className={classes['bulk']} role="group" aria-label="Selected runs">
      <Text size="sm" fw={560}>
        {runsWord(chosen.size)} selected
      </Text>
      <Group gap="xs">
        {(['cancel', 'restart', 'delete'] as const).map((action) => (
          <Button key={action} size="xs" variant="default" loading={bulk.isPending} onClick={() => withQuestion(action)}>
            {action.charAt(0).toUpperCase() + action.slice(1)}
          </Button>
        ))}
        <Button size="xs" variant="subtle" onClick={onDone}>
          Clear
        </Button>
      </Group>
      {dialog}
    </div>
  );
}

export function Runs() {
  const { task, status, schedule } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: definitions } = useDefinitions();
  const query = useRuns({ definition: task, status, schedule });
  const connection = useTasksConnection();
  const mayOperate = useMayOperate();
  const scheduleName = useScheduleName();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const runs = query.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = Boolean(task || status || schedule);
  const set = (change: { task?: string | undefined; status?: string | undefined; schedule?: string | undefined }) => {
    setChosen(new Set());
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  };
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const toggleAll = () =>
    setChosen(runs.every((run) => chosen.has(run.id)) ? new Set() : new Set(runs.map((run) => run.id)));

  return (
    <>
      <PageHead
        documentTitle="Runs"
        title="Runs"
        lead="Everything that was run, is running or waits, newest first"
        actions={<LiveMark connection={connection} />}
      />
      <div className={classes['filters']}>
        <Select
          aria-label="Filter by task"
          placeholder="Any task"
          data={(definitions?.items ?? []).map((item) => ({ value: item.name, label: item.title || item.name }))}
          value={task ?? null}
          onChange={(value) => set({ task: value ?? undefined })}
          searchable
          clearable
          leftSection={<Icon name="terminal" size={16} />}
        />
        <MultiSelect
          aria-label="Filter by status"
          placeholder={status ? undefined : 'Any status'}
          data={[...STATUSES]}
          value={status?.split(',') ?? []}
          onChange={(value) => set({ status: value.join(',') || undefined })}
          clearable
        />
        {schedule ? (
          <Button variant="default" rightSection={<Icon name="cross" size={15} />} onClick={() => set({ schedule: undefined })}>
            Schedule: {scheduleName(schedule)}
          </Button>
        ) : null}
      </div>
      {chosen.size > 0 ? <BulkBar chosen={chosen} onDone={() => setChosen(new Set())} /> : null}
      {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Loading rows={8} height={42} /> : null}
      {query.data ? (
        <Card flush testId="runs">
          {runs.length > 0 ? (
            <RunsTable
              runs={runs}
              label="Runs"
              withTask
              selection={mayOperate ? { chosen, toggle, toggleAll } : undefined}
            />
          ) : filtered ? (
            <Empty icon="search" title="No run matches these filters">
              <Button variant="default" onClick={() => set({ task: undefined, status: undefined, schedule: undefined })}>
                Clear the filters
              </Button>
            </Empty>
          ) : (
            <Empty icon="activity" title="Nothing has run yet">
              Choose a <Link to="/tasks">task</Link> and run it, or give it a <Link to="/schedules">schedule</Link>.
            </Empty>
          )}
        </Card>
      ) : null}
      {query.hasNextPage ? (
        <Group justify="center" mt="md">
          <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Load more
          </Button>
        </Group>
      ) : null}
    </>
  );
}
