/** Tasks: what can be run. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { getAll, getOne } from './client';
import type { Definition, Problem } from './types';

export const definitionsQuery = queryOptions({
  queryKey: ['definitions'],
  queryFn: async ({ signal }) => {
    const page = await getAll<Definition>('/api/definition', signal);
    return { items: page.items, problems: (page.meta['problems'] ?? []) as unknown as Problem[] };
  },
});

export const useDefinitions = () => useQuery(definitionsQuery);

export const useDefinition = (name: string, enabled = true) =>
  useQuery({
    queryKey: ['definition', name],
    queryFn: ({ signal }) => getOne<Definition>(`/api/definition/${encodeURIComponent(name)}`, signal),
    enabled: enabled && name !== '',
  });

/** The title of a task by its name; the name itself while it is not known. */
export function useTaskTitle(): (name: string) => string {
  const { data } = useDefinitions();
  return (name) => data?.items.find((task) => task.name === name)?.title || name;
}
