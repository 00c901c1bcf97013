/** Whole and decimal numbers with their bounds. Numbers too long for the browser are sent as text. */
import { NumberInput } from '@mantine/core';
import { useComplaint, useForm } from '../context';
import { described, emptied, fieldId, type FieldProps } from './props';

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: FieldProps['schema'], whole: boolean) {
  const step = whole ? 1 : 0;
  return {
    min: minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + step),
    max: maximum ?? (exclusiveMaximum === undefined ? undefined : exclusiveMaximum - step),
  };
}

function spoken(min: number | undefined, max: number | undefined): string | undefined {
  if (min !== undefined && max !== undefined) return `From ${min} to ${max}.`;
  if (min !== undefined) return `At least ${min}.`;
  if (max !== undefined) return `At most ${max}.`;
  return undefined;
}

export function NumberField(props: FieldProps & { whole: boolean }) {
  const { schema, label, pointer, required, value, onChange, whole } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  const { min, max } = bounds(schema, whole);
  const description = [described(schema), spoken(min, max)].filter(Boolean).join(' ') || undefined;
  return (
    <NumberInput
      id={fieldId(pointer)}
      label={label}
      description={description}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      allowDecimal={!whole}
      clampBehavior="none"
      step={schema.multipleOf ?? 1}
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      value={typeof value === 'number' || typeof value === 'string' ? value : ''}
      onChange={(next) => onChange(next === '' ? emptied(props, false) : next)}
    />
  );
}
