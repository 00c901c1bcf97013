import { Button, Drawer, Group, Stack, Switch } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { useTaskTitle } from '../api/definitions';
import { useDeleteSchedule, useFireSchedule, useNextFires, useSchedule } from '../api/schedules';
import { isService, useService } from '../api/services';
import { useMayOperate } from '../api/system';
import type { Schedule, Service } from '../api/types';
import { useConfirm } from '../components/Confirm';
import { Icon } from '../components/icons';
import { JsonView } from '../components/JsonView';
import { Card, Facts, PageHead } from '../components/layout';
import { LinkAnchor } from '../components/links';
import { Empty, Failure, Loading, Notice } from '../components/Notice';
import { say, sayFailure } from '../components/notify';
import { absolute, Ago, seconds } from '../components/time';
import { Fires } from './schedule/Fires';
import { ScheduleForm } from './schedule/ScheduleForm';
import { useSwitch } from './schedule/useSwitch';
import { CpuTime, LiveRun, Memory, Restarts, StateNow, Uptime } from './service/parts';
import { ServiceActions } from './service/ServiceActions';
import { ScheduleBadges } from './Schedules';
import classes from './schedule/schedule.module.css';

const route = getRouteApi('/inside/schedules/$name');

function Actions({ schedule }: { schedule: Schedule }) {
  const fire = useFireSchedule(schedule.name);
  const remove = useDeleteSchedule(schedule.name);
  const navigate = route.useNavigate();
  const [ask, dialog] = useConfirm();
  const [flip, pending, switchDialog] = useSwitch(schedule);

  const fireNow = (confirm: boolean) =>
    fire.mutate(confirm, {
      onSuccess: (run) => void navigate({ to: '/runs/$id', params: { id: run.id } }),
      onError: (error) => {
        if (confirm || !(error instanceof ApiError && error.has('confirm_required'))) {
          sayFailure(error);
          return;
        }
        ask({
          title: `Run ${schedule.label || schedule.name} now?`,
          danger: error.message,
          yes: 'Run it',
          onYes: () => fireNow(true),
        });
      },
    });
  const removeIt = () =>
    remove.mutate(undefined, {
      onSuccess: () => {
        say('The schedule was deleted.');
        void navigate({ to: '/schedules' });
      },
      onError: sayFailure,
    });

  return (
    <Group gap="sm">
      {isService(schedule) ? (
        <OfService name={schedule.name} show={(service) => <ServiceActions service={service} />} />
      ) : (
        <>
          <Switch
            label={schedule.is_active ? 'On' : 'Off'}
            aria-label="This schedule is on"
            checked={schedule.is_active}
            disabled={pending}
            onChange={(event) => flip(event.currentTarget.checked)}
          />
          <Button
            leftSection={<Icon name="play" size={16} />}
            loading={fire.isPending}
            onClick={() => fireNow(false)}
            data-testid="fire-button"
          >
            Run now
          </Button>
        </>
      )}
      <Button
        variant="default"
        leftSection={<Icon name="pencil" size={16} />}
        onClick={() => void navigate({ search: { edit: true } })}
      >
        Edit
      </Button>
      <Button
        variant="default"
        leftSection={<Icon name="trash" size={16} />}
        loading={remove.isPending}
        onClick={() =>
          ask({
            title: 'Delete this schedule?',
            text: `${isService(schedule) ? 'The service is told to end. ' : ''}Its runs stay. A schedule that comes from code stays away until it is reset.`,
            yes: 'Delete it',
            onYes: removeIt,
          })
        }
      >
        Delete
      </Button>
      {dialog}
      {switchDialog}
    </Group>
  );
}

function NextFires({ schedule }: { schedule: Schedule }) {
  const { data } = useNextFires(schedule.name, `${schedule.updated_at} ${schedule.is_active} ${schedule.next_run}`);
  return (
    <Card title="Next times">
      {data && data.length > 0 ? (
        <ol className={classes['times']} data-testid="next-fires">
          {data.map((iso) => (
            <li key={iso}>
              <span>{absolute(iso)}</span> <Ago iso={iso} />
            </li>
          ))}
        </ol>
      ) : (
        <span className={classes['dim']}>{!schedule.is_active ? 'The schedule is switched off.' : data ? 'No more times.' : 'Loading…'}</span>
      )}
    </Card>
  );
}

/** Shows what is known of a schedule's service; nothing while that is on its way. */
function OfService({ name, show }: { name: string; show: (service: Service) => ReactNode }) {
  const { data, error, refetch } = useService(name);
  if (data) return show(data);
  return error ? <Failure error={error} retry={() => void refetch()} /> : null;
}

function ServiceCard({ service }: { service: Service }) {
  return (
    <Card
      title="Service"
      testId="service"
      actions={
        <LinkAnchor to="/services" size="sm">
          All services
        </LinkAnchor>
      }
    >
      <Facts
        items={[
          ['State', <StateNow service={service} />],
          ['Run', service.run ? <LiveRun run={service.run} /> : 'none'],
          ['Up for', service.run ? <Uptime run={service.run} /> : null],
          ['Restarts', <Restarts service={service} />],
          ['CPU time', service.cpu_seconds === null ? null : <CpuTime service={service} />],
          ['Memory', service.memory_bytes === null ? null : <Memory service={service} />],
        ]}
      />
    </Card>
  );
}

function Settings({ schedule }: { schedule: Schedule }) {
  const titleOf = useTaskTitle();
  return (
    <Card title="Settings">
      <Facts
        items={[
          [
            'Task',
            <Link to="/tasks/$name" params={{ name: schedule.action_name }}>
              {titleOf(schedule.action_name)}
            </Link>,
          ],
          ['Expression', schedule.schedule ? <span className="mono">{schedule.schedule}</span> : null],
          ['Time zone', isService(schedule) ? null : schedule.timezone],
          ['Overlap', isService(schedule) ? null : schedule.overlap],
          ['Catch-up', isService(schedule) ? null : schedule.catch_up],
          ['Grace', schedule.misfire_grace ? seconds(schedule.misfire_grace) : null],
          ['Jitter', schedule.jitter ? seconds(schedule.jitter) : null],
          ['Waits for', (schedule.depends_on ?? []).join(', ')],
          ['Runs as', schedule.as_user_email],
          ['Entity', schedule.entity_name],
          ['Runs', schedule.run_count > 0 ? `${schedule.run_count}, of which ${schedule.error_count} failed` : 'none yet'],
          ['Last run', schedule.last_run ? <Ago iso={schedule.last_run} /> : 'never'],
          ['Created by', schedule.created_by],
          ['Changed', schedule.updated_at ? <Ago iso={schedule.updated_at} /> : null],
        ]}
      />
    </Card>
  );
}

export function SchedulePage() {
  const { name } = route.useParams();
  const { edit } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: schedule, error, isPending, refetch } = useSchedule(name);
  const mayOperate = useMayOperate();
  const close = () => void navigate({ search: {} });
  if (isPending) return <Loading rows={3} height={140} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty page icon="search" title={`There is no schedule called ${name}`}>
        <Link to="/schedules">See all schedules</Link>
      </Empty>
    );
  }
  if (!schedule) return <Failure error={error} retry={() => void refetch()} />;
  const title = schedule.label || schedule.name;
  return (
    <>
      <PageHead
        documentTitle={title}
        above={
          <>
            <Link to="/schedules">Schedules</Link>
            <span aria-hidden="true">/</span>
            <span>{schedule.name}</span>
          </>
        }
        title={title}
        lead={
          <Group gap="xs">
            {schedule.english ?? schedule.schedule}
            <ScheduleBadges schedule={schedule} />
          </Group>
        }
        actions={mayOperate ? <Actions schedule={schedule} /> : null}
      />
      <Stack gap="md">
        {schedule.bound === false ? (
          <Notice
            tone="warn"
            icon="link"
            title={`There is no task called ${schedule.action_name}. Its fires are held until the task is there again.`}
          />
        ) : null}
        {schedule.last_error ? <Notice tone="bad" icon="alert" title={`The last error: ${schedule.last_error}`} /> : null}
        <div className={classes['columns']}>
          <Stack gap="md" miw={0}>
            <Fires schedule={schedule} />
          </Stack>
          <Stack gap="md" miw={0}>
            {isService(schedule) ? (
              <OfService name={schedule.name} show={(service) => <ServiceCard service={service} />} />
            ) : (
              <NextFires schedule={schedule} />
            )}
            <Settings schedule={schedule} />
            {Object.keys(schedule.attributes ?? {}).length > 0 ? (
              <Card title="Arguments">
                <JsonView value={schedule.attributes} />
              </Card>
            ) : null}
          </Stack>
        </div>
      </Stack>
      <Drawer
        opened={edit === true && mayOperate}
        onClose={close}
        position="right"
        size="lg"
        title={`Edit ${title}`}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <ScheduleForm schedule={schedule} onSaved={close} />
      </Drawer>
    </>
  );
}
