/** Creates or changes a schedule: which task, when, with which arguments. */
import { Button, Group, Select, Stack, Switch, Text, TextInput, Title } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { ApiError } from '../../api/client';
import { useDefinition, useDefinitions } from '../../api/definitions';
import { useSaveSchedule, type ScheduleInput } from '../../api/schedules';
import { saysAlways } from '../../api/services';
import type { JsonObject, Schedule } from '../../api/types';
import { useConfirm } from '../../components/Confirm';
import { Notice } from '../../components/Notice';
import { useOwnComplaints } from '../../form/context';
import { sortComplaints, stillTrue } from '../../form/pointers';
import { SchemaForm } from '../../form/SchemaForm';
import { hasMask, startValues, type Schema } from '../../form/schema';
import { WhenField } from './WhenField';
import { ZONES } from './zones';

const OVERLAP = [
  { value: 'skip', label: 'Skip the new one' },
  { value: 'queue', label: 'Let the new one wait' },
  { value: 'allow', label: 'Run both' },
  { value: 'cancel_running', label: 'Cancel the old one' },
];
const CATCH_UP = [
  { value: 'latest', label: 'Run once for all that was missed' },
  { value: 'skip', label: 'Skip what was missed' },
  { value: 'all', label: 'Run each one that was missed' },
];
const FIELDS = ['confirm', 'name', 'label', 'schedule', 'when', 'timezone', 'action_name', 'overlap', 'catch_up'];
/** What has no meaning for a service: it has no due times. */
const OF_TIMES = ['timezone', 'overlap', 'catch_up'];

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 120);

/** "from code" may hold a `when` that is no text; it is then left as it is. */
const expressionOf = (schedule: Schedule | null): string => schedule?.schedule ?? '';

interface Props {
  schedule: Schedule | null;
  task?: string | undefined;
  onSaved: (schedule: Schedule) => void;
}

export function ScheduleForm({ schedule, task: wantedTask, onSaved }: Props) {
  const { data: definitions } = useDefinitions();
  const [task, setTask] = useState(schedule?.action_name ?? wantedTask ?? '');
  const [name, setName] = useState(schedule?.name ?? wantedTask ?? '');
  const [label, setLabel] = useState(schedule?.label ?? '');
  const [when, setWhen] = useState(expressionOf(schedule));
  const [zone, setZone] = useState(schedule?.timezone ?? 'UTC');
  const [overlap, setOverlap] = useState(schedule?.overlap ?? 'skip');
  const [catchUp, setCatchUp] = useState(schedule?.catch_up ?? 'latest');
  const [active, setActive] = useState(schedule?.is_active ?? true);
  const [edited, setEdited] = useState<{ task: string; values: JsonObject } | null>(null);
  const [sent, setSent] = useState<JsonObject | null>(null);
  const { data: definition } = useDefinition(task);
  const { blocked, say } = useOwnComplaints();
  const [ask, dialog] = useConfirm();
  const save = useSaveSchedule(schedule?.name ?? null);

  const service = saysAlways(when);
  const given = schedule && schedule.action_name === task ? schedule.attributes : {};
  const values = edited?.task === task ? edited.values : definition ? startValues(definition.schema, given) : {};
  const known = Object.keys((definition?.schema as Schema | undefined)?.properties ?? {});
  const complaints = sortComplaints(save.error, 'attributes', known);
  const at = complaints.attributes;
  const shown = service ? FIELDS.filter((field) => !OF_TIMES.includes(field)) : FIELDS;
  const general = [
    ...complaints.general,
    ...Object.entries(at)
      .filter(([field]) => !shown.includes(field))
      .map(([, message]) => message),
  ];
  const tasks = (definitions?.items ?? []).map((item) => ({ value: item.name, label: item.title || item.name }));
  if (task && !tasks.some((item) => item.value === task)) tasks.push({ value: task, label: `${task} (not known)` });

  const send = (confirm: boolean) => {
    const input: ScheduleInput = {
      ...(schedule ? {} : { name: name || slug(label) || task }),
      ...(label !== (schedule?.label ?? '') ? { label } : {}),
      action_name: task,
      // Arguments that nobody touched are not sent: the secrets among them stay as they are.
      ...(schedule && task === schedule.action_name && !edited ? {} : { attributes: definition ? values : given }),
      // What has no meaning for a service goes back to what it is without a choice.
      ...(service ? { overlap: 'queue', catch_up: 'latest' } : { timezone: zone, overlap, catch_up: catchUp }),
      is_active: active,
      ...(when !== expressionOf(schedule) || !schedule ? { schedule: when } : {}),
      ...(confirm ? { confirm } : {}),
    };
    setSent(values);
    save.mutate(input, {
      onSuccess: onSaved,
      onError: (error) => {
        if (!confirm && error instanceof ApiError && error.has('confirm_required')) {
          question(definition?.danger ?? error.message);
        }
      },
    });
  };
  const question = (danger: string) =>
    ask({
      title: `Let ${definition?.title || task} run by itself?`,
      danger,
      yes: 'Save the schedule',
      onYes: () => send(true),
    });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A change asks only when the server wants it to: not every change makes the task run by itself.
    if (definition?.danger && active && !schedule) question(definition.danger);
    else send(false);
  };

  return (
    <form onSubmit={submit} noValidate data-testid="schedule-form">
      <Stack gap="md">
        <Select
          label="Task"
          data={tasks}
          value={task || null}
          onChange={(value) => {
            setTask(value ?? '');
            if (!schedule && (name === '' || name === task)) setName(value ?? '');
          }}
          error={at['action_name']}
          searchable
          allowDeselect={false}
          withAsterisk
        />
        {schedule ? null : (
          <TextInput
            label="Name"
            description="Small letters, digits, dots, dashes; used in addresses and commands."
            value={name}
            onChange={(event) => setName(slug(event.currentTarget.value))}
            error={at['name']}
            withAsterisk
          />
        )}
        <TextInput
          label="Label"
          description="How people call it; may be empty."
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
          error={at['label']}
        />
        <WhenField value={when} onChange={setWhen} zone={zone} error={at['schedule'] ?? at['when']} />
        {service ? null : (
          <Select
            label="Time zone"
            data={ZONES}
            value={zone}
            onChange={(value) => setZone(value ?? 'UTC')}
            error={at['timezone']}
            searchable
            allowDeselect={false}
            limit={60}
          />
        )}
        {definition ? (
          <Stack gap="sm">
            <Title order={3}>Arguments</Title>
            {hasMask(given) ? (
              <Text size="sm" c="dimmed">
                Secrets are not shown. They stay as they are until an argument is changed; then type them again.
              </Text>
            ) : null}
            <SchemaForm
              key={task}
              schema={definition.schema}
              values={values}
              onChange={(next) => setEdited({ task, values: next })}
              errors={stillTrue(complaints.arguments, sent, values)}
              say={say}
            />
          </Stack>
        ) : null}
        {service ? null : (
          <>
            <Select
              label="If the last run is still going"
              data={OVERLAP}
              value={overlap}
              onChange={(value) => setOverlap(value ?? 'skip')}
              allowDeselect={false}
              error={at['overlap']}
            />
            <Select
              label="After a downtime"
              data={CATCH_UP}
              value={catchUp}
              onChange={(value) => setCatchUp(value ?? 'latest')}
              allowDeselect={false}
              error={at['catch_up']}
            />
          </>
        )}
        <Switch label="Switched on" checked={active} onChange={(event) => setActive(event.currentTarget.checked)} />
        {general.length > 0 ? <Notice tone="bad" icon="alert" title={general.join(' ')} alert /> : null}
        <Group gap="sm">
          <Button type="submit" loading={save.isPending} disabled={blocked || task === ''} data-testid="save-schedule">
            {schedule ? 'Save' : 'Create the schedule'}
          </Button>
          {definition?.expensive ? (
            <Text size="sm" c="dimmed">
              This task is marked as expensive.
            </Text>
          ) : null}
        </Group>
      </Stack>
      {dialog}
    </form>
  );
}
