/** Moments and durations. A moment is typed in the browser's time zone and sent with its offset. */
import { TextInput } from '@mantine/core';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useComplaint, useForm } from '../context';
import { isoDuration, parseDuration, spokenDuration } from '../duration';
import { described, emptied, fieldId, type FieldProps } from './props';

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function localInput(value: string): string {
  const moment = dayjs(value);
  return moment.isValid() ? moment.format('YYYY-MM-DDTHH:mm:ss') : '';
}

export function DateTimeField(props: FieldProps) {
  const { schema, label, pointer, required, value, onChange } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  return (
    <TextInput
      id={fieldId(pointer)}
      type="datetime-local"
      step={1}
      label={label}
      description={[described(schema), `Time zone: ${browserZone}.`].filter(Boolean).join(' ')}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      value={typeof value === 'string' ? localInput(value) : ''}
      onChange={(event) => {
        const text = event.currentTarget.value;
        onChange(text === '' ? emptied(props, false) : dayjs(text).format());
      }}
    />
  );
}

export function DurationField(props: FieldProps) {
  const { schema, label, pointer, required, value, onChange } = props;
  const { disabled } = useForm();
  const [text, setText] = useState(() =>
    typeof value === 'string' || typeof value === 'number' ? spokenDuration(String(value)) : '',
  );
  const wrong = text.trim() !== '' && parseDuration(text) === null;
  const error = useComplaint(pointer, wrong ? 'Write a duration such as 1h 30m, 90s or 00:10:00.' : null);
  return (
    <TextInput
      id={fieldId(pointer)}
      label={label}
      description={described(schema) ?? 'Such as 1h 30m, 90s or 00:10:00; a bare number means seconds.'}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      placeholder="1h 30m"
      autoComplete="off"
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const total = parseDuration(next);
        if (next.trim() === '') onChange(emptied(props, false));
        else if (total !== null) onChange(isoDuration(total));
      }}
    />
  );
}
