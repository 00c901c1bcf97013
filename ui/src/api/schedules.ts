/** Schedules: when tasks are run. The server's word for a schedule in URLs is "task". */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Page } from './client';
import { ApiError, envelope, getAll, getOne, getPage, one, request, withQuery } from './client';
import type { Fire, JsonObject, Preview, Run, Schedule } from './types';

export interface ScheduleInput {
  name?: string;
  label?: string;
  schedule?: string;
  action_name?: string;
  attributes?: JsonObject;
  timezone?: string;
  overlap?: string;
  catch_up?: string;
  is_active?: boolean;
  confirm?: boolean;
}

const path = (name: string) => `/api/task/${encodeURIComponent(name)}`;

export const useSchedules = () =>
  useQuery({
    queryKey: ['schedules'],
    queryFn: async ({ signal }) => (await getAll<Schedule>('/api/task', signal)).items,
    refetchInterval: 30_000,
  });

/** The name of the schedule that a run names by its id (or by its name). */
export function useScheduleName(): (key: string) => string {
  const { data } = useSchedules();
  return (key) => data?.find((schedule) => schedule.id === key)?.name ?? key;
}

export const useSchedule = (name: string) =>
  useQuery({
    queryKey: ['schedule', name],
    queryFn: ({ signal }) => getOne<Schedule>(path(name), signal),
    refetchInterval: 30_000,
  });

export const useNextFires = (name: string, key: string) =>
  useQuery({
    queryKey: ['schedule', name, 'next', key],
    queryFn: async ({ signal }) => {
      const page = await getPage<{ id: string; due_at: string }>(`${path(name)}/next?count=10`, signal);
      return page.items.map((item) => item.due_at);
    },
    placeholderData: (previous) => previous,
    refetchInterval: 30_000,
  });

export const useFires = (name: string) =>
  useInfiniteQuery({
    queryKey: ['schedule', name, 'fires'],
    queryFn: ({ pageParam, signal }) => getPage<Fire>(pageParam, signal),
    initialPageParam: `${path(name)}/fires?page[size]=25`,
    getNextPageParam: (page: Page<Fire>) => page.next,
    refetchInterval: 30_000,
  });

/** What a schedule expression means; an expression that is refused is an ApiError that is not tried again. */
export const usePreview = (schedule: string, timezone: string | null) =>
  useQuery({
    queryKey: ['preview', schedule, timezone],
    queryFn: ({ signal }) => getOne<Preview>(withQuery('/api/preview', { schedule, timezone, count: 5 }), signal),
    enabled: schedule.trim() !== '',
    retry: (count, error) => !(error instanceof ApiError && error.status === 422) && count < 2,
    staleTime: 30_000,
  });

function useRefresh() {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: ['schedules'] });
    void client.invalidateQueries({ queryKey: ['schedule'] });
    void client.invalidateQueries({ queryKey: ['definitions'] });
  };
}

/** Creates a schedule, or changes the one called `existing`. */
export function useSaveSchedule(existing: string | null) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: async (input: ScheduleInput) =>
      one<Schedule>(
        existing === null
          ? await request('POST', '/api/task', envelope('task', input))
          : await request('PATCH', path(existing), { data: { type: 'task', id: existing, attributes: input } }),
      ),
    onSuccess: refresh,
  });
}

export function useDeleteSchedule(name: string) {
  const refresh = useRefresh();
  return useMutation({ mutationFn: () => request('DELETE', path(name)), onSuccess: refresh });
}

/** Lets all schedules fire again that were paused together. */
export function useResumeAll() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request('DELETE', '/api/pause'),
    onSettled: () => void client.invalidateQueries({ queryKey: ['stats'] }),
  });
}

export function useFireSchedule(name: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: async (confirm: boolean) =>
      one<Run>(await request('POST', `${path(name)}/fire`, confirm ? { confirm } : {})),
    onSuccess: refresh,
  });
}
