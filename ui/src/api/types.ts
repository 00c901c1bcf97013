/** The resources of the HTTP interface, as plain objects: `id` beside the attributes. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const STATUSES = [
  'pending',
  'running',
  'paused',
  'cancelling',
  'retrying',
  'completed',
  'error',
  'cancelled',
  'interrupted',
  'skipped',
] as const;
export type RunStatus = (typeof STATUSES)[number];

const TERMINAL: ReadonlySet<string> = new Set(['completed', 'error', 'cancelled', 'interrupted', 'skipped']);
export const isTerminal = (status: RunStatus): boolean => TERMINAL.has(status);

export type RunAction = 'pause' | 'resume' | 'cancel' | 'restart' | 'delete';

export interface DefinitionStats {
  runs: number;
  errors: number;
  last_status: RunStatus | null;
  last_run_at: string | null;
  mean_seconds: number | null;
}

export interface Definition {
  id: string;
  name: string;
  title: string;
  description: string | null;
  category: string | null;
  icon: string | null;
  tags: string[];
  danger: string | null;
  expensive: boolean;
  exclusive: boolean;
  mode: string;
  schema: JsonObject;
  source: string | null;
  pausable: boolean;
  /** Whether one of it is to be kept running, by a schedule that says so. */
  service: boolean;
  hidden: boolean;
  timeout: number | null;
  priority: number;
  /** Whether the server that answers has the task's code; without it, it can show the task and not start it. */
  here: boolean;
  source_hash: string;
  /** The live sessions that know the task, by what they know of it: other hashes are other versions. */
  versions: { source_hash: string; workers: string[] }[];
  stats?: DefinitionStats | null;
}

export interface Problem {
  file: string;
  line: number | null;
  error: string;
}

export interface Progress {
  current: number;
  total: number;
  message: string;
  eta: number | string | null;
}

export interface RunError {
  kind: string;
  message: string;
  traceback: string | null;
}

export interface Run {
  id: string;
  definition: string;
  arguments: JsonObject;
  status: RunStatus;
  progress: Progress | null;
  result: Json;
  error: RunError | null;
  attempt: number;
  attempts: number;
  parent: string | null;
  user: string | null;
  worker: string | null;
  schedule: string | null;
  due_at: string | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  priority: number;
  tags: string[];
  entity: string | null;
  warnings: string[];
  duration: number | null;
  cpu_seconds: number | null;
  pausable: boolean;
  pause_requested: boolean;
  /** Only in answers to questions about one run. */
  waiting_for?: string | null;
  actions: RunAction[];
}

export interface LogLine {
  seq: number;
  time: string;
  level: string;
  text: string;
  attempt: number;
}

export interface LogPage {
  id: string;
  lines: LogLine[];
  last: number;
  complete: boolean;
}

export interface Attempt {
  id: string;
  number: number;
  status: string;
  started_at: string | null;
  completed_at: string | null;
  worker: string | null;
  error: RunError | null;
}

export interface Schedule {
  id: string;
  name: string;
  label: string | null;
  description: string | null;
  schedule: string | null;
  when: Json;
  action_name: string;
  entity_name: string | null;
  as_user_email: string | null;
  attributes: JsonObject;
  is_active: boolean;
  timezone: string | null;
  priority: number | null;
  overlap: string;
  catch_up: string;
  misfire_grace: number | null;
  jitter: number | null;
  depends_on: string[];
  english: string | null;
  next_run: string | null;
  last_run: string | null;
  last_status?: RunStatus | null;
  run_count: number;
  error_count: number;
  last_error: string | null;
  from_code: boolean;
  unbound?: string | null;
  bound: boolean;
  /** Why nobody fires it, although its task is known. */
  left_due?: string | null;
  created_by: string | null;
  created_at: string | null;
  updated_at: string | null;
}

export type ServiceState = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped' | 'failed';

export interface Service {
  /** Of its schedule. */
  id: string;
  name: string;
  label: string | null;
  action_name: string;
  /** Whether it is to run. */
  is_active: boolean;
  state: ServiceState;
  restart: 'never' | 'on_failure' | 'always' | null;
  /** How often it has failed in a row. */
  restarts: number;
  run_count: number;
  error_count: number;
  last_status: RunStatus | null;
  last_error: string | null;
  next_start: string | null;
  run: Run | null;
  uptime: number | null;
  cpu_seconds: number | null;
  memory_bytes: number | null;
  measured_at: string | null;
  unbound: string | null;
}

export interface Fire {
  id: string;
  due_at: string;
  outcome: string;
  reason: string | null;
  run: string | null;
  recorded_at: string;
  count: number;
  last_due_at: string | null;
}

export interface Preview {
  id: string;
  english: string;
  next: string[];
}

export interface TimelineEvent {
  id: string;
  event_type: string;
  action: string;
  subject: string | null;
  task: string | null;
  run: string | null;
  user: string | null;
  time: string;
  detail: Json;
}

export interface Worker {
  id: string;
  host: string;
  pid: number;
  started_at: string;
  heartbeat_at: string;
  state: string;
  roles: string[];
  lanes: Json;
  running: Json;
}

export interface Stats {
  id: string;
  total_tasks: number;
  enabled_tasks: number;
  running_tasks: number;
  total_runs: number;
  total_errors: number;
  runs_by_status?: Partial<Record<RunStatus, number>>;
  /** Why all schedules are paused, by whom and since when. */
  paused?: { reason: string; by: string; since: string } | null;
  /** Who fires schedules: this server (`ticking`, `not ticking`), another process (`elsewhere`), or nobody (`none`). */
  scheduler: string;
}

export interface User {
  id: string;
  name: string;
  role: 'viewer' | 'operator' | 'admin';
}
