import { Button, Group, Select } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useTaskTitle } from '../api/definitions';
import { useTimeline } from '../api/system';
import type { Json, TimelineEvent } from '../api/types';
import { Icon, type IconName } from '../components/icons';
import { Card, PageHead } from '../components/layout';
import { Empty, Failure, Loading } from '../components/Notice';
import { statusLook } from '../components/Status';
import { absolute, Ago } from '../components/time';
import dayjs from 'dayjs';
import classes from './Timeline.module.css';

const route = getRouteApi('/inside/timeline');
const TYPES = [
  { value: 'task', label: 'Runs and schedules' },
  { value: 'user', label: 'People' },
  { value: 'system', label: 'The system' },
];

const VERBS: Record<string, string> = { failed: 'error', created: 'pending', resumed: 'running', expired: 'error' };
const AREAS: Record<string, IconName> = { schedule: 'calendar', service: 'sync', user: 'user', worker: 'server', token: 'lock' };

function lookOf(action: string): { icon: IconName; tone: string } {
  const [area = '', verb = ''] = action.split('.');
  if (verb === 'deleted') return { icon: 'trash', tone: 'calm' };
  if (verb === 'started') return { icon: 'play', tone: 'busy' };
  if (area === 'run' || area === 'attempt') return statusLook(VERBS[verb] ?? verb);
  return { icon: AREAS[area] ?? 'activity', tone: 'calm' };
}

const spoken = (action: string): string => action.replace('.', ' ').replaceAll('_', ' ');

function detailText(detail: Json): string {
  if (detail === null) return '';
  if (typeof detail !== 'object') return String(detail);
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '')
    .map(([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ');
}

/** What an event is about, as links to what still exists. */
function What({ event }: { event: TimelineEvent }) {
  const titleOf = useTaskTitle();
  const gone = event.action.endsWith('.deleted');
  const task = event.task ? titleOf(event.task) : null;
  if (/^(schedule|service)\./.test(event.action) && event.subject) {
    return (
      <>
        {gone ? (
          event.subject
        ) : (
          <Link to="/schedules/$name" params={{ name: event.subject }}>
            {event.subject}
          </Link>
        )}
        {event.run ? (
          <>
            {', '}
            <Link to="/runs/$id" params={{ id: event.run }}>
              run {event.run.slice(-8)}
            </Link>
          </>
        ) : null}
      </>
    );
  }
  if (event.run && !gone) {
    return (
      <Link to="/runs/$id" params={{ id: event.run }}>
        {task ?? event.run.slice(-8)}
      </Link>
    );
  }
  return <>{task ?? event.subject}</>;
}

function Entry({ event }: { event: TimelineEvent }) {
  const look = lookOf(event.action);
  const detail = detailText(event.detail);
  return (
    <li className={classes['entry']} data-testid="event">
      <span className={classes['dot']} data-tone={look.tone}>
        <Icon name={look.icon} size={16} />
      </span>
      <div className={classes['words']}>
        <div>
          <strong>{spoken(event.action)}</strong> <What event={event} />
          {event.user ? <span className={classes['dim']}> by {event.user}</span> : null}
        </div>
        {detail ? <div className={classes['detail']}>{detail}</div> : null}
      </div>
      <span className={classes['time']} title={absolute(event.time)}>
        <Ago iso={event.time} />
      </span>
    </li>
  );
}

function byDay(events: TimelineEvent[]): [string, TimelineEvent[]][] {
  const days = new Map<string, TimelineEvent[]>();
  for (const event of events) {
    const day = dayjs(event.time).format('dddd, D MMMM YYYY');
    const list = days.get(day);
    if (list) list.push(event);
    else days.set(day, [event]);
  }
  return [...days];
}

export function Timeline() {
  const { type } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useTimeline(type ?? null);
  const events = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHead
        documentTitle="Timeline"
        title="Timeline"
        lead="What happened, and who did it"
        actions={
          <>
            <Select
              aria-label="Kind of event"
              placeholder="All events"
              data={TYPES}
              value={type ?? null}
              clearable
              onChange={(value) => void navigate({ search: { type: value ?? undefined }, replace: true })}
            />
            <Button
              variant="default"
              leftSection={<Icon name="sync" size={16} />}
              loading={query.isRefetching}
              onClick={() => void query.refetch()}
            >
              Refresh
            </Button>
          </>
        }
      />
      {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : null}
      {query.isPending ? <Loading rows={8} height={44} /> : null}
      {query.data && events.length === 0 ? (
        <Card>
          <Empty icon="history" title="Nothing has happened yet">
            Every run, schedule and change by a person is recorded here.
          </Empty>
        </Card>
      ) : null}
      {byDay(events).map(([day, items]) => (
        <section key={day} className={classes['day']}>
          <h2>{day}</h2>
          <ol className={`card ${classes['list']}`}>
            {items.map((event) => (
              <Entry key={event.id} event={event} />
            ))}
          </ol>
        </section>
      ))}
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
