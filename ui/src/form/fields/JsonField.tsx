/** The field for everything else: JSON, checked as it is typed. */
import { Textarea } from '@mantine/core';
import { useState } from 'react';
import type { Json } from '../../api/types';
import { useComplaint, useForm } from '../context';
import { described, fieldId, type FieldProps } from './props';

function parse(text: string): { value: Json | undefined; wrong: string | null } {
  if (text.trim() === '') return { value: undefined, wrong: null };
  try {
    return { value: JSON.parse(text) as Json, wrong: null };
  } catch (error) {
    return { value: undefined, wrong: `This is not JSON: ${error instanceof Error ? error.message : 'unreadable'}` };
  }
}

export function JsonField({ schema, label, pointer, required, nullable, value, onChange }: FieldProps) {
  const { disabled } = useForm();
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)));
  const { wrong } = parse(text);
  const error = useComplaint(pointer === '' ? '/' : pointer, wrong, true);
  return (
    <Textarea
      id={fieldId(pointer === '' ? '/more' : pointer)}
      label={label}
      description={[described(schema), 'JSON.'].filter(Boolean).join(' ')}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      autosize
      minRows={3}
      maxRows={16}
      spellCheck={false}
      classNames={{ input: 'mono' }}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const parsed = parse(next);
        if (parsed.wrong === null) onChange(parsed.value === undefined && nullable ? null : parsed.value);
      }}
    />
  );
}
