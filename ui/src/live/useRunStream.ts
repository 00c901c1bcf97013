/**
 * Follows one run. The log so far comes page by page over HTTP, then the socket goes on after its last line, so that
 * nothing is missing and nothing comes twice; the run itself lives in the query cache. Where no socket can be opened
 * (it can be switched off), long polls do the same work.
 */
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { ApiError, getOne } from '../api/client';
import { fetchLog } from '../api/runs';
import { isTerminal, type Progress, type Run } from '../api/types';
import { LogBuffer } from './LogBuffer';
import type { Frame } from './frames';
import { mergeRun } from './mergeRun';
import { LiveSocket, type Connection } from './socket';

const PAGE = 5000;
const LONG_POLL_SECONDS = 10;
const RETRY_MS = 3000;
/** Sockets that never opened, one after another, before long polls stand in. */
const FAILURES = 3;

export interface RunStream {
  log: LogBuffer;
  connection: Connection;
  loaded: boolean;
}

class Follower {
  private readonly stopping = new AbortController();
  private socket: LiveSocket | null = null;
  private failures = 0;
  private progress: Progress | null = null;
  private frame: number | undefined;

  constructor(
    private readonly id: string,
    private readonly log: LogBuffer,
    private readonly client: QueryClient,
    private readonly tell: (change: Partial<Pick<RunStream, 'connection' | 'loaded'>>) => void,
  ) {
    void this.start();
  }

  stop(): void {
    this.stopping.abort();
    this.socket?.stop();
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame);
  }

  private get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async start(): Promise<void> {
    try {
      const complete = await this.catchUp();
      this.tell({ loaded: true });
      if (complete) this.tell({ connection: 'closed' });
      else this.follow();
    } catch (error) {
      if (this.stopped || (error instanceof ApiError && error.status >= 400 && error.status < 500)) return;
      this.tell({ connection: 'waiting' });
      window.setTimeout(() => !this.stopped && void this.start(), RETRY_MS);
    }
  }

  /** Reads what the server has beyond our last line; true if the run is over and nothing more will come. */
  private async catchUp(wait = 0): Promise<boolean> {
    for (;;) {
      const page = await fetchLog(this.id, this.log.last, PAGE, wait, this.stopping.signal);
      const before = this.log.last;
      this.log.append(page.lines);
      if (page.complete) return true;
      if (wait > 0 || page.lines.length === 0 || this.log.last === before) return false;
    }
  }

  private follow(): void {
    if (this.stopped) return;
    this.socket = new LiveSocket({
      path: () => `/ws/task/${encodeURIComponent(this.id)}?after=${this.log.last}`,
      onFrame: (frame) => this.take(frame),
      onConnection: (connection) => this.tell({ connection }),
      onClose: (code, opened) => {
        if (code === 1000) return true;
        if (code === 4404 || code === 4403 || code === 1008) return true;
        this.failures = opened ? 0 : this.failures + 1;
        if (this.failures < FAILURES) return false;
        void this.poll();
        return true;
      },
    });
  }

  /** One long poll in place of the socket, then the socket is tried again. */
  private async poll(): Promise<void> {
    while (!this.stopped) {
      try {
        const complete = await this.catchUp(LONG_POLL_SECONDS);
        this.put(await getOne<Run>(`/api/run/${encodeURIComponent(this.id)}`, this.stopping.signal));
        if (complete) this.tell({ connection: 'closed' });
        else this.follow();
        return;
      } catch (error) {
        if (this.stopped || (error instanceof ApiError && error.status === 404)) return;
        this.tell({ connection: 'waiting' });
        await new Promise((wake) => window.setTimeout(wake, RETRY_MS));
      }
    }
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'log':
        this.log.append(frame.lines);
        break;
      case 'progress':
        this.progress = { current: frame.current, total: frame.total, message: frame.message, eta: frame.eta };
        this.frame ??= window.requestAnimationFrame(() => this.showProgress());
        break;
      case 'resync':
        this.log.clear();
        void this.catchUp().catch(() => undefined); // the socket tells the log from its start as well
        break;
      default:
        if (frame.run) this.put(frame.run);
        else if (frame.type === 'state') void this.client.invalidateQueries({ queryKey: ['run', this.id] });
        if (frame.type === 'complete') void this.finish();
    }
  }

  /** The end is read once more over HTTP: the result, and the last lines if the socket left them out. */
  private async finish(): Promise<void> {
    this.socket?.stop();
    await this.client.invalidateQueries({ queryKey: ['run', this.id] });
    try {
      await this.catchUp();
    } catch {
      return; // what the socket brought is shown; the page offers a reload by itself
    }
  }

  private showProgress(): void {
    this.frame = undefined;
    const progress = this.progress;
    if (!progress) return;
    this.client.setQueryData<Run>(['run', this.id], (old) =>
      old && !isTerminal(old.status) ? { ...old, progress } : old,
    );
  }

  private put(run: Run): void {
    this.client.setQueryData<Run>(['run', this.id], (old) => (old ? mergeRun(old, run) : run));
  }
}

/** `generation` starts a new stream of the same run: after a restart the ended one does not come back. */
export function useRunStream(id: string, generation: number): RunStream {
  const client = useQueryClient();
  const log = useMemo(() => new LogBuffer(), [id]);
  const [state, setState] = useState<{ connection: Connection; loaded: boolean }>({
    connection: 'connecting',
    loaded: false,
  });
  useEffect(() => {
    const follower = new Follower(id, log, client, (change) => setState((old) => ({ ...old, ...change })));
    return () => follower.stop();
  }, [id, generation, log, client]);
  return { log, ...state };
}
