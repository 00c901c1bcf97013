/** The rest: who I am, the session, workers, the timeline, figures. */
import { queryOptions, useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import type { Page } from './client';
import { getAll, getOne, getPage, request, withQuery } from './client';
import type { Stats, TimelineEvent, User, Worker } from './types';

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => getOne<User>('/api/me', signal),
  staleTime: 5 * 60_000,
});
export const useMe = () => useQuery(meQuery);

/** Whether the signed-in person may start, stop and change things. */
export const useMayOperate = (): boolean => useMe().data?.role !== 'viewer';

export const useSignIn = () =>
  useMutation({ mutationFn: (token: string) => request('POST', '/api/session', { token }) });

export const useSignOut = () => useMutation({ mutationFn: () => request('DELETE', '/api/session') });

export const useStats = () =>
  useQuery({
    queryKey: ['stats'],
    queryFn: ({ signal }) => getOne<Stats>('/api/stats', signal),
    refetchInterval: 20_000,
  });

export const useWorkers = () =>
  useQuery({
    queryKey: ['workers'],
    queryFn: async ({ signal }) => (await getAll<Worker>('/api/worker', signal)).items,
    refetchInterval: 10_000,
  });

export const useTimeline = (eventType: string | null) => {
  const query = eventType ? JSON.stringify([{ column: 'event_type', operator: 'is', value: eventType }]) : null;
  return useInfiniteQuery({
    queryKey: ['timeline', eventType],
    queryFn: ({ pageParam, signal }) => getPage<TimelineEvent>(pageParam, signal),
    initialPageParam: withQuery('/api/timeline', { query, 'page[size]': 50 }),
    getNextPageParam: (page: Page<TimelineEvent>) => page.next,
    // While only the newest page is shown it follows what happens.
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? 10_000 : false),
  });
};
