/** The form that starts a run of a task, now or later. */
import { Button, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { ApiError } from '../api/client';
import { ROOT } from '../api/root';
import { useStartRun } from '../api/runs';
import { useMayOperate } from '../api/system';
import type { Definition, JsonObject } from '../api/types';
import { useConfirm } from '../components/Confirm';
import { Copy } from '../components/Copy';
import { Icon } from '../components/icons';
import { Card } from '../components/layout';
import { Notice } from '../components/Notice';
import { useOwnComplaints } from '../form/context';
import { browserZone } from '../form/fields/times';
import { parted } from '../form/files';
import { sortComplaints, stillTrue } from '../form/pointers';
import { SchemaForm } from '../form/SchemaForm';
import { startValues, type Schema } from '../form/schema';
import classes from './Task.module.css';

const PRIORITIES = [
  { value: '0', label: 'Low (0)' },
  { value: '50', label: 'Medium (50)' },
  { value: '100', label: 'High (100)' },
  { value: 'other', label: 'Another number' },
];

interface OptionsProps {
  task: Definition;
  runAt: string;
  setRunAt: (runAt: string) => void;
  priority: number | null;
  setPriority: (priority: number | null) => void;
  errors: Record<string, string>;
}

function Options({ task, runAt, setRunAt, priority, setPriority, errors }: OptionsProps) {
  const usual = PRIORITIES.some(({ value }) => value === String(task.priority));
  const [other, setOther] = useState(!usual);
  const shown = priority ?? task.priority;
  return (
    <details className={classes['options']} data-testid="options" open={Boolean(errors['run_at'] || errors['priority'])}>
      <summary>Options</summary>
      <div className={classes['optionFields']}>
        <TextInput
          type="datetime-local"
          label="Run at"
          description={`Empty: at once. Time zone: ${browserZone}.`}
          value={runAt}
          error={errors['run_at']}
          onChange={(event) => setRunAt(event.currentTarget.value)}
        />
        <Stack gap="xs">
          <Select
            label="Priority"
            description="Higher runs go first when slots are scarce."
            data={PRIORITIES}
            allowDeselect={false}
            error={errors['priority']}
            value={other ? 'other' : String(shown)}
            onChange={(value) => {
              setOther(value === 'other');
              if (value !== null && value !== 'other') setPriority(Number(value));
            }}
          />
          {other ? (
            <NumberInput
              aria-label="Priority as a number"
              allowDecimal={false}
              value={shown}
              onChange={(value) => setPriority(typeof value === 'number' ? value : null)}
            />
          ) : null}
        </Stack>
      </div>
    </details>
  );
}

/** A link to this task with the form filled in; secrets and files are never put into it. */
function linkTo(task: Definition, values: JsonObject): string {
  const properties = (task.schema as Schema).properties ?? {};
  const open = Object.entries(parted(values).plain).filter(
    ([name]) => !properties[name]?.writeOnly && properties[name]?.format !== 'password',
  );
  const query = encodeURIComponent(JSON.stringify(Object.fromEntries(open)));
  return `${window.location.origin}${ROOT}/tasks/${encodeURIComponent(task.name)}?arguments=${query}`;
}

export function RunForm({ task, given }: { task: Definition; given: JsonObject | undefined }) {
  const [values, setValues] = useState<JsonObject>(() => startValues(task.schema, given));
  const [sent, setSent] = useState<JsonObject | null>(null);
  const [runAt, setRunAt] = useState('');
  const [priority, setPriority] = useState<number | null>(null);
  const { blocked, say } = useOwnComplaints();
  const [ask, dialog] = useConfirm();
  const start = useStartRun();
  const navigate = useNavigate();
  const mayOperate = useMayOperate();
  const form = useRef<HTMLFormElement>(null);

  const known = Object.keys((task.schema as Schema).properties ?? {});
  const complaints = sortComplaints(start.error, 'arguments', known);
  const { run_at, priority: badPriority, confirm: _, ...otherAttributes } = complaints.attributes;
  const general = [...complaints.general, ...Object.values(otherAttributes)];
  const optionErrors: Record<string, string> = {
    ...(run_at ? { run_at } : {}),
    ...(badPriority ? { priority: badPriority } : {}),
  };

  useEffect(() => {
    if (!start.error) return;
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [start.error]);

  const send = (confirm: boolean) => {
    setSent(values);
    const { plain, files } = parted(values);
    start.mutate(
      {
        definition: task.name,
        arguments: plain,
        files,
        ...(runAt ? { run_at: dayjs(runAt).toISOString() } : {}),
        ...(priority === null ? {} : { priority }),
        ...(confirm ? { confirm } : {}),
      },
      {
        onSuccess: (run) => void navigate({ to: '/runs/$id', params: { id: run.id } }),
        onError: (error) => {
          // The task became dangerous since this page was loaded: ask now.
          if (!confirm && error instanceof ApiError && error.has('confirm_required')) {
            question(task.danger ?? error.message);
          }
        },
      },
    );
  };
  const question = (danger: string) =>
    ask({ title: `Run ${task.title || task.name}?`, danger, yes: 'Run it', onYes: () => send(true) });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (task.danger) question(task.danger);
    else send(false);
  };

  return (
    <Card title="Run this task" testId="run-form">
      <form ref={form} onSubmit={submit} noValidate>
        {task.danger ? (
          <div style={{ marginBottom: 16 }}>
            <Notice tone="bad" icon="alert" title={task.danger} />
          </div>
        ) : null}
        <SchemaForm
          schema={task.schema}
          values={values}
          onChange={setValues}
          errors={stillTrue(complaints.arguments, sent, values)}
          say={say}
          disabled={!mayOperate || !task.here}
        />
        <Options
          task={task}
          runAt={runAt}
          setRunAt={setRunAt}
          priority={priority}
          setPriority={setPriority}
          errors={optionErrors}
        />
        {general.length > 0 ? (
          <div style={{ marginTop: 16 }}>
            <Notice tone="bad" icon="alert" title={general.join(' ')} alert />
          </div>
        ) : null}
        <div className={classes['submit']}>
          <Button
            type="submit"
            data-testid="run-button"
            loading={start.isPending}
            disabled={blocked || !mayOperate || !task.here}
            color={task.danger ? 'red.9' : undefined}
            leftSection={<Icon name={runAt ? 'clock' : 'play'} size={17} />}
          >
            {runAt ? 'Run later' : 'Run'}
          </Button>
          <Copy text={linkTo(task, values)} label="Copy a link to this form as filled in" />
          {mayOperate ? null : (
            <Text size="sm" c="dimmed">
              You may look at tasks, but not run them.
            </Text>
          )}
        </div>
      </form>
      {dialog}
    </Card>
  );
}
