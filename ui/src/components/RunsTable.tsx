/** Runs as rows; the whole list page and the short lists of a task or a schedule share it. */
import { Checkbox, Table } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTaskTitle } from '../api/definitions';
import { useScheduleName } from '../api/schedules';
import { isTerminal, type Run } from '../api/types';
import { TableScroll } from './layout';
import { Status } from './Status';
import { Ago, Duration } from './time';
import classes from './RunsTable.module.css';

interface Selection {
  chosen: ReadonlySet<string>;
  toggle: (id: string) => void;
  toggleAll: () => void;
}

interface Props {
  runs: Run[];
  label: string;
  withTask?: boolean;
  /** Only what fits beside a form: status, when, how long. */
  compact?: boolean;
  selection?: Selection | undefined;
}

function note(run: Run): string {
  if (run.error) return run.error.message.split('\n')[0] ?? '';
  if (run.status === 'pending' && run.waiting_for) return run.waiting_for;
  if (!isTerminal(run.status) && run.progress) {
    const { current, total, message } = run.progress;
    return [total > 0 ? `${Math.floor((100 * current) / total)} %` : '', message].filter(Boolean).join(' · ');
  }
  return '';
}

const shortId = (id: string): string => id.slice(-8);

export function RunsTable({ runs, label, withTask = false, compact = false, selection }: Props) {
  const titleOf = useTaskTitle();
  const scheduleName = useScheduleName();
  const all = selection !== undefined && runs.length > 0 && runs.every((run) => selection.chosen.has(run.id));
  return (
    <TableScroll label={label}>
      <Table verticalSpacing={9} highlightOnHover className={classes['table']} data-compact={compact} data-choose={selection !== undefined}>
        <Table.Thead>
          <Table.Tr>
            {selection ? (
              <Table.Th w={44}>
                <Checkbox
                  size="xs"
                  aria-label="Select all"
                  checked={all}
                  indeterminate={!all && selection.chosen.size > 0}
                  onChange={selection.toggleAll}
                />
              </Table.Th>
            ) : null}
            <Table.Th>Status</Table.Th>
            {compact ? null : <Table.Th>{withTask ? 'Task' : 'Run'}</Table.Th>}
            {compact ? null : <Table.Th className={classes['wide']}>Note</Table.Th>}
            <Table.Th>Created</Table.Th>
            <Table.Th ta="right">Duration</Table.Th>
            {compact ? null : <Table.Th className={classes['medium']}>By</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr key={run.id} data-testid="run-row">
              {selection ? (
                <Table.Td data-cell="choose">
                  <Checkbox
                    size="xs"
                    aria-label={`Select run ${shortId(run.id)}`}
                    checked={selection.chosen.has(run.id)}
                    onChange={() => selection.toggle(run.id)}
                  />
                </Table.Td>
              ) : null}
              <Table.Td data-cell="status">
                <Status status={run.status} />
              </Table.Td>
              {compact ? null : (
              <Table.Td data-cell="task">
                <Link to="/runs/$id" params={{ id: run.id }} className={classes['link']}>
                  {withTask ? <span className={classes['title']}>{titleOf(run.definition)}</span> : null}
                  <span className={classes['id']}>{shortId(run.id)}</span>
                </Link>
              </Table.Td>
              )}
              {compact ? null : (
                <Table.Td className={classes['wide']}>
                  <span className={classes['note']}>{note(run)}</span>
                </Table.Td>
              )}
              <Table.Td data-cell="when">
                {compact ? (
                  <Link to="/runs/$id" params={{ id: run.id }} className={classes['link']}>
                    <Ago iso={run.created_at} />
                  </Link>
                ) : (
                  <Ago iso={run.created_at} />
                )}
              </Table.Td>
              <Table.Td ta="right" data-cell="took">
                <Duration
                  start={run.started_at}
                  end={run.completed_at}
                  value={run.duration}
                  live={!isTerminal(run.status)}
                />
              </Table.Td>
              {compact ? null : (
                <Table.Td className={classes['medium']}>
                  <span className={classes['by']}>{run.schedule ? scheduleName(run.schedule) : (run.user ?? '–')}</span>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableScroll>
  );
}
