/** The addresses of the page. Each page is loaded when it is first wanted. */
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import type { QueryClient } from '@tanstack/react-query';
import { ROOT } from './api/root';
import { meQuery } from './api/system';
import type { JsonObject } from './api/types';
import { Shell } from './shell/Shell';
import { NotFound, PageFailure } from './pages/NotFound';

interface Context {
  client: QueryClient;
}

type Search = Record<string, unknown>;

/** Search parameters that may be missing. */
type Maybe<T> = { [K in keyof T]?: T[K] | undefined };

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

const flag = (value: unknown): true | undefined => (value === true || value === 1 ? true : undefined);

function object(value: unknown): JsonObject | undefined {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed) ? (parsed as JsonObject) : undefined;
}

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: PageFailure,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Search): Maybe<{ next: string; expired: true; message: string }> => ({
    next: text(search['next']),
    expired: flag(search['expired']),
    message: text(search['message']),
  }),
  component: lazyRouteComponent(() => import('./pages/SignIn'), 'SignIn'),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  // A 401 moves to the sign-in page by itself; any other failure is shown by the page.
  beforeLoad: ({ context }) => void context.client.prefetchQuery(meQuery),
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => inside,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/tasks', replace: true });
  },
});

const tasksPage = lazyRouteComponent(() => import('./pages/Tasks'), 'Tasks');
const tasksSearch = (search: Search): Maybe<{ q: string; category: string; tag: string }> => ({
  q: text(search['q']),
  category: text(search['category']),
  tag: text(search['tag']),
});
const tasks = createRoute({
  getParentRoute: () => inside,
  path: '/tasks',
  validateSearch: tasksSearch,
  component: tasksPage,
});

const taskSearch = (search: Search): Maybe<{ arguments: JsonObject }> => ({ arguments: object(search['arguments']) });
const task = createRoute({
  getParentRoute: () => inside,
  path: '/tasks/$name',
  validateSearch: taskSearch,
  component: lazyRouteComponent(() => import('./pages/Task'), 'Task'),
});

// The administration routes of the interface are the same two pages.
const adminTasks = createRoute({
  getParentRoute: () => inside,
  path: '/admin/task',
  beforeLoad: () => {
    throw redirect({ to: '/tasks', replace: true });
  },
});
const adminTask = createRoute({
  getParentRoute: () => inside,
  path: '/admin/task/$name',
  validateSearch: taskSearch,
  beforeLoad: ({ params, search }) => {
    throw redirect({ to: '/tasks/$name', params, search, replace: true });
  },
});

const runs = createRoute({
  getParentRoute: () => inside,
  path: '/runs',
  validateSearch: (search: Search): Maybe<{ task: string; status: string; schedule: string }> => ({
    task: text(search['task']),
    status: text(search['status']),
    schedule: text(search['schedule']),
  }),
  component: lazyRouteComponent(() => import('./pages/Runs'), 'Runs'),
});

const run = createRoute({
  getParentRoute: () => inside,
  path: '/runs/$id',
  component: lazyRouteComponent(() => import('./pages/Run'), 'RunPage'),
});

const schedules = createRoute({
  getParentRoute: () => inside,
  path: '/schedules',
  validateSearch: (search: Search): Maybe<{ new: true; task: string }> => ({
    new: flag(search['new']),
    task: text(search['task']),
  }),
  component: lazyRouteComponent(() => import('./pages/Schedules'), 'Schedules'),
});

const schedule = createRoute({
  getParentRoute: () => inside,
  path: '/schedules/$name',
  validateSearch: (search: Search): Maybe<{ edit: true }> => ({ edit: flag(search['edit']) }),
  component: lazyRouteComponent(() => import('./pages/Schedule'), 'SchedulePage'),
});

const services = createRoute({
  getParentRoute: () => inside,
  path: '/services',
  component: lazyRouteComponent(() => import('./pages/Services'), 'Services'),
});

const timeline = createRoute({
  getParentRoute: () => inside,
  path: '/timeline',
  validateSearch: (search: Search): Maybe<{ type: string }> => ({ type: text(search['type']) }),
  component: lazyRouteComponent(() => import('./pages/Timeline'), 'Timeline'),
});

const workers = createRoute({
  getParentRoute: () => inside,
  path: '/workers',
  component: lazyRouteComponent(() => import('./pages/Workers'), 'Workers'),
});

const problems = createRoute({
  getParentRoute: () => inside,
  path: '/problems',
  component: lazyRouteComponent(() => import('./pages/Problems'), 'Problems'),
});

const routeTree = root.addChildren([
  signIn,
  inside.addChildren([
    home,
    tasks,
    task,
    adminTasks,
    adminTask,
    runs,
    run,
    schedules,
    schedule,
    services,
    timeline,
    workers,
    problems,
  ]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree,
    basepath: ROOT || '/',
    context: { client },
    defaultPreload: 'intent',
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
