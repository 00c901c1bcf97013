/**
 * A form from a task's JSON Schema: one labelled field per parameter. The form holds no values of its own, and it does
 * not judge them: the server does, and its answers appear at the fields.
 */
import { Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import type { Json, JsonObject } from '../api/types';
import { Form, type FormContext } from './context';
import { ObjectFields } from './fields/groups';
import { JsonField } from './fields/JsonField';
import type { Schema } from './schema';

interface Props {
  schema: JsonObject;
  values: JsonObject;
  onChange: (values: JsonObject) => void;
  errors?: Readonly<Record<string, string>>;
  say: FormContext['say'];
  disabled?: boolean;
}

const NONE: Readonly<Record<string, string>> = {};

/** The values that no field shows: a task with **kwargs takes them as well. */
function split(values: JsonObject, names: string[]): { own: JsonObject; rest: JsonObject } {
  const own: JsonObject = {};
  const rest: JsonObject = {};
  for (const [key, value] of Object.entries(values)) (names.includes(key) ? own : rest)[key] = value;
  return { own, rest };
}

export function SchemaForm({ schema, values, onChange, errors = NONE, say, disabled = false }: Props) {
  const root = schema as Schema;
  const context = useMemo(() => ({ root, errors, say, disabled }), [root, errors, say, disabled]);
  const properties = root.properties ?? {};
  const names = Object.keys(properties);
  const open = root.additionalProperties === true || typeof root.additionalProperties === 'object';
  const { own, rest } = split(values, names);
  const setRest = (value: Json | undefined) =>
    onChange({ ...own, ...(value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {}) });

  return (
    <Form value={context}>
      <Stack gap="md">
        {names.length === 0 && !open ? (
          <Text c="dimmed" size="sm">
            This task takes no arguments.
          </Text>
        ) : null}
        <ObjectFields
          properties={properties}
          required={root.required ?? []}
          values={own}
          onChange={(next) => onChange({ ...next, ...rest })}
          pointer=""
        />
        {open ? (
          <JsonField
            schema={{ title: 'More arguments', description: 'This task takes any named argument: a JSON object.' }}
            label="More arguments"
            pointer=""
            required={false}
            nullable={false}
            value={Object.keys(rest).length > 0 ? rest : undefined}
            onChange={setRest}
          />
        ) : null}
      </Stack>
    </Form>
  );
}
