/** The fire ledger: what became of each due time, and why. */
import { Button, Group, Table } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useFires } from '../../api/schedules';
import { isService } from '../../api/services';
import type { Schedule } from '../../api/types';
import type { IconName } from '../../components/icons';
import { Card, TableScroll } from '../../components/layout';
import { LinkAnchor } from '../../components/links';
import { Empty, Failure, Loading } from '../../components/Notice';
import { Label } from '../../components/Status';
import { absolute, Ago } from '../../components/time';
import classes from './schedule.module.css';

const looks: Record<string, { tone: 'ok' | 'warn' | 'bad' | 'calm'; icon: IconName }> = {
  fired: { tone: 'ok', icon: 'check' },
  late: { tone: 'warn', icon: 'clock' },
  merged: { tone: 'calm', icon: 'link' },
  skipped: { tone: 'calm', icon: 'skip' },
  missed: { tone: 'warn', icon: 'crossCircle' },
  held: { tone: 'warn', icon: 'pauseCircle' },
  blocked: { tone: 'bad', icon: 'lock' },
};

export function Fires({ schedule }: { schedule: Schedule }) {
  const { name, id } = schedule;
  const title = isService(schedule) ? 'Past starts' : 'Past times';
  const query = useFires(name);
  const fires = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card
      title={title}
      flush
      actions={
        <LinkAnchor to="/runs" search={{ schedule: id }} size="sm">
          All its runs
        </LinkAnchor>
      }
    >
      {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Loading rows={4} height={36} /> : null}
      {query.data && fires.length === 0 ? (
        <Empty icon="history" title={isService(schedule) ? 'It has not been started yet' : 'It has not fired yet'}>
          Each {isService(schedule) ? 'start' : 'due time'} is recorded here with what became of it.
        </Empty>
      ) : null}
      {fires.length > 0 ? (
        <TableScroll label={title} stack>
          <Table verticalSpacing={9} data-testid="fires">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Due</Table.Th>
                <Table.Th>Outcome</Table.Th>
                <Table.Th>Reason</Table.Th>
                <Table.Th>Run</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {fires.map((fire) => {
                const look = looks[fire.outcome] ?? { tone: 'calm', icon: 'clock' };
                return (
                  <Table.Tr key={fire.id}>
                    <Table.Td>
                      <span className="nowrap">{absolute(fire.due_at)}</span>
                      {fire.last_due_at ? <span className="nowrap"> – {absolute(fire.last_due_at)}</span> : null}
                      <div className={classes['under']}>
                        <Ago iso={fire.last_due_at ?? fire.due_at} />
                      </div>
                    </Table.Td>
                    <Table.Td data-name="Outcome">
<div>                      <Label tone={look.tone} icon={look.icon}>
                        {fire.outcome}
                        {fire.count > 1 ? ` × ${fire.count}` : ''}
                      </Label></div>
                    </Table.Td>
                    <Table.Td data-name="Reason" className={classes['reason']}>{fire.reason ?? ''}</Table.Td>
                    <Table.Td data-name="Run">
<div>                      {fire.run ? (
                        <Link to="/runs/$id" params={{ id: fire.run }} className="mono">
                          {fire.run.slice(-8)}
                        </Link>
                      ) : (
                        '–'
                      )}</div>
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </TableScroll>
      ) : null}
      {query.hasNextPage ? (
        <Group justify="center" p="md">
          <Button size="xs" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Load more
          </Button>
        </Group>
      ) : null}
    </Card>
  );
}
