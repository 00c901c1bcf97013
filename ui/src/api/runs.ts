/** Runs: executions of tasks, and the commands that people may give to them. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { envelope, getOne, getPage, one, request, withQuery } from './client';
import { ROOT } from './root';
import type { Page } from './client';
import type { Attempt, JsonObject, LogPage, Run, RunAction } from './types';

export interface RunFilter {
  definition?: string | undefined;
  status?: string | undefined;
  schedule?: string | undefined;
}

export interface StartRun {
  definition: string;
  arguments: JsonObject;
  run_at?: string;
  priority?: number;
  confirm?: boolean;
  /** Files by the name of their parameter. */
  files?: [string, File][];
}

/** The document of a start, in a multipart body if there are files. */
function startBody({ files = [], ...start }: StartRun): object {
  const document = envelope('run', start);
  if (files.length === 0) return document;
  const form = new FormData();
  form.append('document', JSON.stringify(document));
  for (const [name, file] of files) form.append(name, file);
  return form;
}

export interface BulkResult {
  id: string;
  status: number;
  detail: string | null;
}

const WAITING: ReadonlySet<string> = new Set(['pending', 'retrying']);
const path = (id: string) => `/api/run/${encodeURIComponent(id)}`;

export function runsPath(filter: RunFilter, size: number): string {
  return withQuery('/api/run', {
    'filter[definition]': filter.definition,
    'filter[status]': filter.status,
    'filter[schedule]': filter.schedule,
    'page[size]': size,
  });
}

/** Runs, newest first, page by page; the live stream keeps the pages that are loaded up to date. */
export const useRuns = (filter: RunFilter, size = 50) =>
  useInfiniteQuery({
    queryKey: ['runs', filter, size],
    queryFn: ({ pageParam, signal }) => getPage<Run>(pageParam, signal),
    initialPageParam: runsPath(filter, size),
    getNextPageParam: (page: Page<Run>) => page.next,
  });

export const useRun = (id: string) =>
  useQuery({
    queryKey: ['run', id],
    queryFn: ({ signal }) => getOne<Run>(path(id), signal),
    // What a run waits for is no part of the stream.
    refetchInterval: ({ state }) => (state.data && WAITING.has(state.data.status) ? 5000 : false),
  });

export const useAttempts = (id: string, attempt: number, status: string) =>
  useQuery({
    queryKey: ['attempts', id, attempt, status],
    queryFn: async ({ signal }) => (await getPage<Attempt>(`${path(id)}/attempts`, signal)).items,
    placeholderData: (previous) => previous,
  });

export function fetchLog(id: string, after: number, limit: number, wait: number, signal: AbortSignal): Promise<LogPage> {
  return getOne<LogPage>(withQuery(`${path(id)}/log`, { after, limit, wait: wait || null }), signal);
}

export const logTextUrl = (id: string): string => `${ROOT}${path(id)}/log?format=text`;

export function useStartRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (start: StartRun) => one<Run>(await request('POST', '/api/run', startBody(start))),
    onSuccess: (run) => {
      client.setQueryData(['run', run.id], run);
      void client.invalidateQueries({ queryKey: ['runs'] });
    },
  });
}

export function useRunAction(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (action: RunAction) => {
      if (action === 'delete') {
        await request('DELETE', path(id));
        return null;
      }
      return one<Run>(await request('POST', `${path(id)}/${action}`));
    },
    onSuccess: (run) => {
      if (run) client.setQueryData(['run', id], run);
      else client.removeQueries({ queryKey: ['run', id] });
      void client.invalidateQueries({ queryKey: ['runs'] });
    },
    onError: () => client.invalidateQueries({ queryKey: ['run', id] }),
  });
}

export function useBulk() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ action, ids }: { action: 'cancel' | 'restart' | 'delete'; ids: string[] }) => {
      const answer = (await request('POST', '/api/run/bulk', { action, ids })) as {
        data: { id: string; meta: { status: number; detail?: string | null } }[];
      };
      return answer.data.map((item): BulkResult => ({
        id: item.id,
        status: item.meta.status,
        detail: item.meta.detail ?? null,
      }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}
