/**
 * The lines of one run's log, in order and without doubles, outside React: hundreds of frames may arrive between two
 * paints, and readers are told once per animation frame.
 */
import type { LogLine } from '../api/types';

export interface LogView {
  lines: readonly LogLine[];
  /** Rises with each change; the array itself is reused. */
  version: number;
}

export class LogBuffer {
  private readonly lines: LogLine[] = [];
  private view: LogView = { lines: this.lines, version: 0 };
  private readonly listeners = new Set<() => void>();
  private frame: number | undefined;

  /** The sequence of the newest line, which is where to go on after a break. */
  get last(): number {
    return this.lines.at(-1)?.seq ?? 0;
  }

  clear(): void {
    this.lines.length = 0;
    this.announce();
  }

  append(lines: readonly LogLine[]): void {
    let last = this.last;
    for (const line of lines) {
      if (line.seq <= last) continue;
      this.lines.push(line);
      last = line.seq;
    }
    this.announce();
  }

  private announce(): void {
    this.frame ??= window.requestAnimationFrame(() => {
      this.frame = undefined;
      this.view = { lines: this.lines, version: this.view.version + 1 };
      this.listeners.forEach((tell) => tell());
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): LogView => this.view;
}
