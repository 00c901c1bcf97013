/** What every field of a form needs to know, and what it may say: values that cannot be sent yet. */
import { createContext, useCallback, useContext, useEffect, useState } from 'react';
import type { Schema } from './schema';

export interface FormContext {
  root: Schema;
  /** Messages of the server by pointer, as in "/format" or "/hosts/0". */
  errors: Readonly<Record<string, string>>;
  /** A field says that its text is not a value (or, with null, that it is again). */
  say: (pointer: string, message: string | null) => void;
  disabled: boolean;
}

export const Form = createContext<FormContext>({ root: {}, errors: {}, say: () => undefined, disabled: false });
export const useForm = () => useContext(Form);

/** The complaint a field shows: its own, else the server's; a `whole` field speaks for its parts as well. */
export function useComplaint(pointer: string, own: string | null, whole = false): string | undefined {
  const { errors, say } = useForm();
  useEffect(() => {
    say(pointer, own);
    return () => say(pointer, null);
  }, [pointer, own, say]);
  if (own) return own;
  const inner = whole ? Object.keys(errors).find((key) => key.startsWith(`${pointer}/`)) : undefined;
  return errors[pointer] ?? (inner === undefined ? undefined : `${inner.slice(pointer.length + 1)}: ${errors[inner]}`);
}

/** Collects what the fields of a form complain about by themselves. */
export function useOwnComplaints(): { blocked: boolean; say: FormContext['say'] } {
  const [complaints, setComplaints] = useState<Readonly<Record<string, string>>>({});
  const say = useCallback((pointer: string, message: string | null) => {
    setComplaints((old) => {
      if ((old[pointer] ?? null) === message) return old;
      const { [pointer]: _, ...rest } = old;
      return message === null ? rest : { ...rest, [pointer]: message };
    });
  }, []);
  return { blocked: Object.keys(complaints).length > 0, say };
}
