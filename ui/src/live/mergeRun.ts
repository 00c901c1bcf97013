import type { Run } from '../api/types';

/** A run as a socket tells it, over what is known: sockets leave out why it waits, and tracebacks. */
export function mergeRun(old: Run, told: Run): Run {
  const merged = { ...old, ...told };
  const known = old.error;
  if (known && merged.error && merged.error.traceback === null && merged.error.message === known.message) {
    merged.error = known;
  }
  return merged;
}
