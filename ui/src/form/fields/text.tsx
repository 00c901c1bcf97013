/** Fields whose value is text: one line, many lines, secrets, and texts with a shape (UUID, decimal, date, time). */
import { PasswordInput, Textarea, TextInput } from '@mantine/core';
import { useComplaint, useForm } from '../context';
import { described, emptied, fieldId, type FieldProps } from './props';

type TextKind = 'text' | 'multiline' | 'decimal' | 'uuid' | 'date' | 'time';

const inputs: Record<Exclude<TextKind, 'multiline'>, { type: string; inputMode?: 'decimal'; step?: number }> = {
  text: { type: 'text' },
  uuid: { type: 'text' },
  decimal: { type: 'text', inputMode: 'decimal' },
  date: { type: 'date' },
  time: { type: 'time', step: 1 },
};

function hint(schema: FieldProps['schema'], kind: TextKind): string | undefined {
  const example = schema['x-placeholder'] ?? schema.examples?.[0];
  if (example !== undefined && example !== null) return String(example);
  return kind === 'uuid' ? '00000000-0000-0000-0000-000000000000' : undefined;
}

function inputTypeOf(schema: FieldProps['schema'], kind: Exclude<TextKind, 'multiline'>): string {
  if (kind === 'text' && schema.format === 'email') return 'email';
  if (kind === 'text' && schema.format === 'uri') return 'url';
  return inputs[kind].type;
}

export function TextField(props: FieldProps & { kind: TextKind }) {
  const { schema, label, pointer, required, value, onChange, kind } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  const shared = {
    id: fieldId(pointer),
    label,
    description: described(schema),
    error,
    disabled,
    withAsterisk: required,
    'aria-required': required || undefined,
    placeholder: hint(schema, kind),
    value: value === null || value === undefined ? '' : String(value),
    ...(schema.maxLength === undefined ? {} : { maxLength: schema.maxLength }),
  };
  const textual = kind === 'text' || kind === 'multiline';
  const take = (text: string) => onChange(text === '' ? emptied(props, textual) : text);
  if (kind === 'multiline') {
    return (
      <Textarea {...shared} autosize minRows={4} maxRows={18} onChange={(event) => take(event.currentTarget.value)} />
    );
  }
  const { type: _, ...input } = inputs[kind];
  return (
    <TextInput
      {...shared}
      {...input}
      type={inputTypeOf(schema, kind)}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => take(event.currentTarget.value)}
    />
  );
}

/** Secrets are written, never read: the server shows only their mask. */
export function SecretField(props: FieldProps) {
  const { schema, label, pointer, required, value, onChange } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  return (
    <PasswordInput
      id={fieldId(pointer)}
      label={label}
      description={described(schema)}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      autoComplete="new-password"
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(event.currentTarget.value || emptied(props, false))}
      visibilityToggleButtonProps={{ 'aria-label': `Show ${label}` }}
    />
  );
}
