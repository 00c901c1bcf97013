import type { Json } from '../../api/types';
import type { Schema } from '../schema';

export interface FieldProps {
  schema: Schema;
  label: string;
  pointer: string;
  required: boolean;
  nullable: boolean;
  value: Json | undefined;
  /** `undefined` leaves the argument out. */
  onChange: (value: Json | undefined) => void;
}

/** What an emptied field means: null where null is allowed, the empty text where there is a default, else left out. */
export function emptied({ nullable, required, schema }: FieldProps, textual: boolean): Json | undefined {
  if (nullable) return null;
  if (textual && !required && schema.default !== undefined) return '';
  return undefined;
}

export const described = (schema: Schema): string | undefined => schema.description || undefined;

/** An id that a label can point at, and that tests can build from the pointer. */
export const fieldId = (pointer: string): string => `field${pointer.replaceAll('/', '-')}`;
