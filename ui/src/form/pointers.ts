/** Where the server's complaints belong: at fields of the arguments, at fields around them, or above the form. */
import { ApiError, messageOf } from '../api/client';
import type { JsonObject } from '../api/types';

export interface Complaints {
  arguments: Record<string, string>;
  attributes: Record<string, string>;
  general: string[];
}

/** Without the complaints about values that were changed since they were sent. */
export function stillTrue(
  errors: Record<string, string>,
  sent: JsonObject | null,
  values: JsonObject,
): Record<string, string> {
  const kept = Object.entries(errors).filter(([pointer]) => {
    const name = pointer.split('/')[1] ?? '';
    return sent === null || sent[name] === values[name];
  });
  return Object.fromEntries(kept);
}

const ATTRIBUTES = '/data/attributes/';

/** `argumentsAt` is the attribute that holds a task's arguments: "arguments" of a run, "attributes" of a schedule. */
export function sortComplaints(error: unknown, argumentsAt: string, known: readonly string[] = []): Complaints {
  const sorted: Complaints = { arguments: {}, attributes: {}, general: [] };
  if (!(error instanceof ApiError) || error.items.length === 0) {
    if (error) sorted.general.push(messageOf(error));
    return sorted;
  }
  const prefix = `${ATTRIBUTES}${argumentsAt}/`;
  for (const item of error.items) {
    const message = item.detail || item.title;
    if (item.pointer?.startsWith(prefix)) {
      const rest = item.pointer.slice(prefix.length);
      if (known.includes(rest.split('/')[0] ?? '')) sorted.arguments[`/${rest}`] = message;
      else sorted.general.push(`${rest}: ${message}`);
    } else if (item.pointer?.startsWith(ATTRIBUTES)) {
      sorted.attributes[item.pointer.slice(ATTRIBUTES.length)] = message;
    } else sorted.general.push(message);
  }
  return sorted;
}
