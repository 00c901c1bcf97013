import { Button, Drawer, Switch, Table, TextInput } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useTaskTitle } from '../api/definitions';
import { useResumeAll, useSchedules } from '../api/schedules';
import { isService } from '../api/services';
import { useMayOperate, useStats } from '../api/system';
import type { Schedule } from '../api/types';
import { Icon } from '../components/icons';
import { Card, PageHead, TableScroll } from '../components/layout';
import { LinkAnchor } from '../components/links';
import { Empty, Failure, Loading, Notice } from '../components/Notice';
import { Label, Status } from '../components/Status';
import { absolute, Ago } from '../components/time';
import { ScheduleForm } from './schedule/ScheduleForm';
import { useSwitch } from './schedule/useSwitch';
import classes from './schedule/schedule.module.css';

const route = getRouteApi('/inside/schedules');

export function ScheduleBadges({ schedule }: { schedule: Schedule }) {
  return (
    <>
      {schedule.bound === false ? (
        <Label tone="bad" icon="link" title={schedule.unbound ?? `There is no task called ${schedule.action_name}; fires are held`}>
          unbound
        </Label>
      ) : null}
      {schedule.left_due ? (
        <Label tone="bad" icon="alert" title={schedule.left_due}>
          not fired
        </Label>
      ) : null}
      {schedule.from_code ? (
        <Label icon="code" title="Declared with its task; changes made here win">
          from code
        </Label>
      ) : null}
    </>
  );
}

function LastRun({ schedule }: { schedule: Schedule }) {
  if (!schedule.last_run) return <span className={classes['dim']}>never</span>;
  const status = schedule.last_status ?? (schedule.last_error ? 'error' : null);
  return (
    <span className={classes['last']}>
      {status ? <Status status={status} /> : null}
      <Ago iso={schedule.last_run} />
    </span>
  );
}

function Row({ schedule, mayOperate }: { schedule: Schedule; mayOperate: boolean }) {
  const titleOf = useTaskTitle();
  const [flip, pending, dialog] = useSwitch(schedule);
  return (
    <Table.Tr data-testid="schedule-row" data-schedule={schedule.name}>
      <Table.Td>
        <Link to="/schedules/$name" params={{ name: schedule.name }} className={classes['name']}>
          {schedule.label || schedule.name}
        </Link>
        <div className={classes['under']}>
          {titleOf(schedule.action_name)} <ScheduleBadges schedule={schedule} />
        </div>
      </Table.Td>
      <Table.Td data-name="When">
<div>        {schedule.english ?? schedule.schedule}
        <div className={classes['under']}>
          <code>{schedule.schedule}</code> {schedule.timezone && schedule.timezone !== 'UTC' ? schedule.timezone : null}
        </div></div>
      </Table.Td>
      <Table.Td data-name="Next">
<div>        {isService(schedule) ? (
          <span className={classes['dim']}>{schedule.is_active ? 'kept running' : 'stopped'}</span>
        ) : schedule.is_active && schedule.next_run ? (
          <>
            <Ago iso={schedule.next_run} />
            <div className={`${classes['under']} nowrap`}>{absolute(schedule.next_run)}</div>
          </>
        ) : (
          <span className={classes['dim']}>{schedule.is_active ? 'none' : 'switched off'}</span>
        )}</div>
      </Table.Td>
      <Table.Td data-name="Last run">
<div>        <LastRun schedule={schedule} /></div>
      </Table.Td>
      <Table.Td data-name="On">
<div>        {isService(schedule) ? (
          <LinkAnchor to="/services" size="sm">
            Service
          </LinkAnchor>
        ) : (
          <Switch
            aria-label={`${schedule.label || schedule.name} is on`}
            checked={schedule.is_active}
            disabled={!mayOperate || pending}
            onChange={(event) => flip(event.currentTarget.checked)}
          />
        )}
        {dialog}</div>
      </Table.Td>
    </Table.Tr>
  );
}

/** Says that nobody fires schedules. */
function NoScheduler() {
  const scheduler = useStats().data?.scheduler;
  if (scheduler !== 'none' && scheduler !== 'not ticking') return null;
  return (
    <Notice tone="bad" icon="alert" title="Nobody fires schedules" alert>
      {scheduler === 'none'
        ? 'No live process has a scheduler. What becomes due waits until one starts: runwright serve, or runwright scheduler.'
        : 'The scheduler of this server stands still; its log says why.'}
    </Notice>
  );
}

const TOTALS = [
  ['total_tasks', 'Schedules'],
  ['enabled_tasks', 'Switched on'],
  ['running_tasks', 'Running'],
  ['total_runs', 'Runs'],
  ['total_errors', 'Failed'],
] as const;

/** The totals over all schedules. */
function Totals() {
  const { data } = useStats();
  if (!data || data.total_tasks === 0) return null;
  return (
    <dl className={classes['totals']} data-testid="totals">
      {TOTALS.map(([name, label]) => (
        <div key={name}>
          <dt>{label}</dt>
          <dd data-total={name} data-bad={name === 'total_errors' && data[name] > 0}>
            {data[name].toLocaleString('en')}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Says that all schedules are paused, and why. */
function Paused({ mayOperate }: { mayOperate: boolean }) {
  const paused = useStats().data?.paused;
  const resume = useResumeAll();
  if (!paused) return null;
  return (
    <Notice tone="warn" icon="pause" title={`All schedules are paused: ${paused.reason}`} alert>
      By {paused.by}, <Ago iso={paused.since} />. Their fires are held, and not made up for.
      {mayOperate ? (
        <div>
          <Button size="xs" variant="default" mt={8} loading={resume.isPending} onClick={() => resume.mutate()}>
            Let them go on
          </Button>
        </div>
      ) : null}
    </Notice>
  );
}

export function Schedules() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, isPending, refetch } = useSchedules();
  const mayOperate = useMayOperate();
  const [query, setQuery] = useState('');
  const words = query.toLowerCase().trim();
  const shown = (data ?? []).filter((schedule) =>
    [schedule.name, schedule.label, schedule.action_name, schedule.english].join(' ').toLowerCase().includes(words),
  );
  const open = () => void navigate({ search: { new: true } });
  const close = () => void navigate({ search: {} });
  return (
    <>
      <PageHead
        documentTitle="Schedules"
        title="Schedules"
        lead="When tasks are run by themselves"
        actions={
          mayOperate ? (
            <Button leftSection={<Icon name="plus" size={17} />} onClick={open} data-testid="new-schedule">
              New schedule
            </Button>
          ) : null
        }
      />
      <NoScheduler />
      <Paused mayOperate={mayOperate} />
      <Totals />
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {isPending ? <Loading rows={5} height={60} /> : null}
      {data && data.length > 5 ? (
        <TextInput
          type="search"
          aria-label="Search schedules"
          placeholder="Search by name or task"
          leftSection={<Icon name="search" size={17} />}
          maw={420}
          mb="md"
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      ) : null}
      {data ? (
        <Card flush>
          {data.length === 0 ? (
            <Empty icon="calendar" title="No schedules yet">
              Make one here, or give a task a <code>schedule</code> in its code.
            </Empty>
          ) : shown.length === 0 ? (
            <Empty icon="search" title="No schedule matches" />
          ) : (
            <TableScroll label="Schedules" stack>
              <Table verticalSpacing={12}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Schedule</Table.Th>
                    <Table.Th>When</Table.Th>
                    <Table.Th>Next</Table.Th>
                    <Table.Th>Last run</Table.Th>
                    <Table.Th>On</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {shown.map((schedule) => (
                    <Row key={schedule.id} schedule={schedule} mayOperate={mayOperate} />
                  ))}
                </Table.Tbody>
              </Table>
            </TableScroll>
          )}
        </Card>
      ) : null}
      <Drawer
        opened={search.new === true}
        onClose={close}
        position="right"
        size="lg"
        title="New schedule"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <ScheduleForm
          schedule={null}
          task={search.task}
          onSaved={(saved) => void navigate({ to: '/schedules/$name', params: { name: saved.name } })}
        />
      </Drawer>
    </>
  );
}
