/**
 * Files among the values of a form. JSON knows no files: they are kept beside the other values under this one disguise,
 * and leave the form only as parts of a multipart body.
 */
import type { Json, JsonObject } from '../api/types';

export type Files = File | File[] | null;

export const disguise = (files: File | File[]): Json => files as unknown as Json;

/** The files of a field; anything else (what an earlier run had, say) is none. */
export function filesOf(value: unknown): File[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((one) => one instanceof File);
}

/** The values that are JSON, and the files by their parameter's name. */
export function parted(values: JsonObject): { plain: JsonObject; files: [string, File][] } {
  const plain: JsonObject = {};
  const files: [string, File][] = [];
  for (const [name, value] of Object.entries(values)) {
    const chosen = filesOf(value);
    if (chosen.length === 0) plain[name] = value;
    else files.push(...chosen.map((file): [string, File] => [name, file]));
  }
  return { plain, files };
}
