/** What the sockets send. Unknown frames are ignored, so that an older page survives a newer server. */
import type { LogLine, Run, RunStatus } from '../api/types';

export type Frame =
  | { type: 'snapshot'; run?: Run; runs?: Run[]; seq: number }
  | { type: 'log'; lines: LogLine[]; seq: number }
  | { type: 'progress'; current: number; total: number; message: string; eta: number | string | null; seq: number }
  | { type: 'state'; status?: RunStatus; run?: Run; seq: number }
  | { type: 'complete'; run: Run; seq: number }
  | { type: 'resync' };

export function parseFrame(data: unknown): Frame | null {
  if (typeof data !== 'string') return null;
  try {
    const frame: unknown = JSON.parse(data);
    return frame !== null && typeof frame === 'object' && 'type' in frame ? (frame as Frame) : null;
  } catch {
    return null;
  }
}
