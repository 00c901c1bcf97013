/** Services: what is kept running. Each is a schedule that says `@always`, and has that one's name and id. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getAll, getOne, one, request } from './client';
import type { Json, Schedule, Service, ServiceState } from './types';

export type ServiceAction = 'start' | 'stop' | 'restart';

const path = (name: string) => `/api/service/${encodeURIComponent(name)}`;

const PASSING: ReadonlySet<ServiceState> = new Set(['starting', 'restarting', 'stopping']);

/** A state that passes by itself is looked at more often: what ends it may be no change of a run. */
const lookAgain = (services: Service[]): number =>
  services.some((service) => PASSING.has(service.state)) ? 2000 : 10_000;

const says = (when: Json): boolean =>
  when !== null && typeof when === 'object' && !Array.isArray(when) && when['type'] === 'always';

export const isService = (schedule: Schedule): boolean => says(schedule.when);

/** Whether an expression that somebody types is that of a service. */
export function saysAlways(expression: string): boolean {
  if (expression.trim().toLowerCase() === '@always') return true;
  try {
    return says(JSON.parse(expression) as Json);
  } catch {
    return false;
  }
}

export const useServices = () =>
  useQuery({
    queryKey: ['services'],
    queryFn: async ({ signal }) => (await getAll<Service>('/api/service', signal)).items,
    refetchInterval: ({ state }) => lookAgain(state.data ?? []),
  });

export const useService = (name: string) =>
  useQuery({
    queryKey: ['service', name],
    queryFn: ({ signal }) => getOne<Service>(path(name), signal),
    refetchInterval: ({ state }) => lookAgain(state.data ? [state.data] : []),
  });

/** The commands that its state allows now. */
export function actionsOf(service: Service): ServiceAction[] {
  if (!service.is_active) {
    const ends = service.run === null || service.state === 'stopping';
    return ends ? ['start'] : ['start', 'stop'];
  }
  return service.state === 'starting' ? ['stop'] : ['restart', 'stop'];
}

export function useServiceAction(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ action, confirm }: { action: ServiceAction; confirm: boolean }) =>
      one<Service>(await request('POST', `${path(name)}/${action}`, confirm ? { confirm } : {})),
    onSuccess: (service) => {
      client.setQueryData<Service[]>(['services'], (old) =>
        old?.map((each) => (each.id === service.id ? service : each)),
      );
      client.setQueryData(['service', name], service);
    },
    onSettled: () => {
      for (const key of ['services', 'service', 'schedules', 'schedule', 'runs']) {
        void client.invalidateQueries({ queryKey: [key] });
      }
    },
  });
}
