/** One socket for the whole page: every change of a run reaches the lists that show it, gathered per animation frame. */
import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import type { Page } from '../api/client';
import type { RunFilter } from '../api/runs';
import type { Run } from '../api/types';
import { mergeRun } from './mergeRun';
import { LiveSocket, type Connection } from './socket';

let connection: Connection = 'closed';
const listeners = new Set<() => void>();

function setConnection(next: Connection): void {
  connection = next;
  listeners.forEach((tell) => tell());
}

export const useTasksConnection = (): Connection =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => connection,
  );

function matches(run: Run, filter: RunFilter): boolean {
  if (filter.definition && filter.definition !== run.definition) return false;
  if (filter.schedule && filter.schedule !== run.schedule) return false;
  return !filter.status || filter.status.split(',').includes(run.status);
}

type Runs = InfiniteData<Page<Run>, string>;

function mergePage(page: Page<Run>, changed: Map<string, Run>, seen: Set<string>, filter: RunFilter): Page<Run> {
  let touched = false;
  const items: Run[] = [];
  for (const old of page.items) {
    const run = changed.get(old.id);
    if (!run) {
      items.push(old);
      continue;
    }
    touched = true;
    seen.add(run.id);
    const merged = mergeRun(old, run);
    if (matches(merged, filter)) items.push(merged);
  }
  return touched ? { ...page, items } : page;
}

function mergeRuns(data: Runs, changed: Map<string, Run>, filter: RunFilter): Runs {
  const seen = new Set<string>();
  const pages = data.pages.map((page) => mergePage(page, changed, seen, filter));
  const first = pages[0];
  if (!first) return data;
  const newest = first.items[0]?.created_at ?? '';
  const fresh = [...changed.values()].filter(
    (run) => !seen.has(run.id) && run.created_at >= newest && matches(run, filter),
  );
  if (fresh.length > 0) {
    fresh.sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
    pages[0] = { ...first, items: [...fresh, ...first.items] };
  }
  return { ...data, pages };
}

function apply(client: QueryClient, changed: Map<string, Run>): void {
  for (const query of client.getQueryCache().findAll({ queryKey: ['runs'] })) {
    const filter = query.queryKey[1] as RunFilter;
    client.setQueryData<Runs>(query.queryKey, (old) => (old ? mergeRuns(old, changed, filter) : old));
  }
  for (const run of changed.values()) {
    client.setQueryData<Run>(['run', run.id], (old) => (old ? mergeRun(old, run) : old));
  }
}

/** Figures that follow from runs are read again, at most this often. */
const REFRESH_MS = 4000;

export function useTasksStream(enabled: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return undefined;
    const changed = new Map<string, Run>();
    let frame: number | undefined;
    let refresh: number | undefined;
    let first = true;
    const flush = () => {
      frame = undefined;
      apply(client, changed);
      changed.clear();
      refresh ??= window.setTimeout(() => {
        refresh = undefined;
        for (const key of ['definitions', 'definition', 'stats', 'schedules', 'schedule', 'services', 'service']) {
          void client.invalidateQueries({ queryKey: [key] });
        }
      }, REFRESH_MS);
    };
    const take = (runs: Run[]) => {
      runs.forEach((run) => changed.set(run.id, run));
      frame ??= window.requestAnimationFrame(flush);
    };
    const socket = new LiveSocket({
      path: () => '/ws/tasks',
      onConnection: setConnection,
      onFrame: (message) => {
        if (message.type === 'snapshot' || message.type === 'resync') {
          // After a break the lists are read again: changes in between were not sent.
          if (!first) void client.invalidateQueries({ queryKey: ['runs'] });
          first = false;
          if (message.type === 'snapshot' && message.runs) take(message.runs);
        } else if ((message.type === 'state' || message.type === 'complete') && message.run) take([message.run]);
      },
      onClose: (code) => code === 1008 || code === 4403,
    });
    return () => {
      socket.stop();
      if (frame !== undefined) window.cancelAnimationFrame(frame);
      window.clearTimeout(refresh);
    };
  }, [client, enabled]);
}
