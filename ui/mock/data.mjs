// What the mock server knows: a few tasks that between them use every kind of field, runs in every status, schedules.

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
let counter = 0;
export const newId = () => {
  counter += 1;
  return `01989f3a-7c1e-7a00-8000-${counter.toString(16).padStart(12, '0')}`;
};

const object = (properties, required = [], extra = {}) => ({ type: 'object', properties, required, ...extra });

function definition(name, attributes) {
  return {
    name,
    title: name,
    description: '',
    category: 'maintenance',
    icon: null,
    tags: [],
    danger: null,
    expensive: false,
    exclusive: false,
    mode: 'async',
    schema: object({}),
    source: `backgroundtask/${name}.py`,
    pausable: true,
    here: true,
    source_hash: '0a1b2c3d4e5f6071',
    versions: [],
    hidden: false,
    timeout: 300,
    priority: 50,
    stats: { runs: 0, errors: 0, last_status: null, last_run_at: null, mean_seconds: null },
    ...attributes,
  };
}

export const definitions = [
  definition('database_backup', {
    title: 'Database backup',
    description: 'Dumps the database into one file and keeps the last seven.\n\nThe dump is consistent: it sees one moment of the database, and nobody has to wait for it.',
    icon: 'database',
    tags: ['db', 'nightly'],
    danger: "Replaces yesterday's backup.",
    expensive: true,
    schema: object({
      format: { title: 'Backup format', enum: ['sql', 'tar'], type: 'string', default: 'sql', 'x-choices': [{ value: 'sql', label: 'SQL dump' }, { value: 'tar', label: 'Tar archive' }] },
      keep: { title: 'Keep', type: 'integer', minimum: 1, maximum: 30, default: 7, description: 'How many backups stay.' },
    }),
    stats: { runs: 128, errors: 3, last_status: 'completed', last_run_at: ago(7200), mean_seconds: 42.4 },
  }),
  definition('count', {
    title: 'Count slowly',
    description: 'Counts to a number, with progress and a log line each step. Can be paused.',
    icon: 'activity',
    category: 'examples',
    schema: object({
      total: { title: 'Total', type: 'integer', minimum: 1, default: 60 },
      log_lines: { title: 'Log lines per step', type: 'integer', default: 3, description: '2000 with 50 steps makes 100,000 lines.' },
    }),
    stats: { runs: 12, errors: 0, last_status: 'running', last_run_at: ago(12), mean_seconds: 61 },
  }),
  definition('every_field', {
    title: 'Every kind of field',
    description: 'Takes one parameter of each type.',
    icon: 'list',
    category: 'examples',
    exclusive: true,
    schema: object(
      {
        name: { title: 'Name', type: 'string', description: 'A short text.' },
        notes: { title: 'Notes', type: 'string', 'x-multiline': true, default: '' },
        count: { type: 'integer', 'x-nullable': true, title: 'Count' },
        ratio: { type: 'number', minimum: 0, maximum: 1, default: 0.5, title: 'Ratio' },
        price: { type: 'string', format: 'decimal', title: 'Price', default: '12.50' },
        dry_run: { type: 'boolean', default: true, title: 'Dry run', description: 'Changes nothing.' },
        colour: { $ref: '#/$defs/Colour', default: 'red' },
        regions: { type: 'array', items: { $ref: '#/$defs/Colour' }, title: 'Colours', default: [] },
        hosts: { type: 'array', items: { type: 'string' }, title: 'Hosts', default: ['a.example.com'] },
        day: { type: 'string', format: 'date', title: 'Day', default: '2026-11-20' },
        at: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }], title: 'At', default: null },
        clock: { type: 'string', format: 'time', title: 'Clock', default: '08:30:00' },
        window: { type: 'string', format: 'duration', title: 'Window', default: 'PT1H30M' },
        customer: { anyOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }], title: 'Customer', default: null },
        password: { type: 'string', format: 'password', writeOnly: true, title: 'Password' },
        target: { $ref: '#/$defs/Target' },
        fallback: { allOf: [{ $ref: '#/$defs/Target' }], 'x-nullable': true, title: 'Fallback' },
        labels: { type: 'object', additionalProperties: { type: 'string' }, title: 'Labels', default: { team: 'ops' } },
      },
      ['name', 'password', 'target'],
      {
        $defs: {
          Colour: { enum: ['red', 'green', 'blue'], title: 'Colour', type: 'string' },
          Target: object({ host: { title: 'Host', type: 'string' }, port: { title: 'Port', type: 'integer', default: 22 } }, ['host'], { title: 'Target' }),
        },
      },
    ),
  }),
  definition('sync_orders', {
    title: 'Sync orders',
    description: 'Fetches new orders from the shop and writes them into the warehouse.',
    icon: 'sync',
    category: 'shop',
    tags: ['orders'],
    mode: 'thread',
    pausable: false,
    stats: { runs: 990, errors: 41, last_status: 'error', last_run_at: ago(340), mean_seconds: 8.1 },
  }),
  definition('weekly_report', {
    title: 'Weekly report',
    description: 'Writes the report of the week and mails it to the team.',
    icon: 'chart',
    category: 'shop',
    tags: ['mail', 'orders'],
    stats: { runs: 20, errors: 0, last_status: 'completed', last_run_at: ago(86400 * 3), mean_seconds: 120 },
  }),
];

export const problems = [
  { file: 'backgroundtask/invoices.py', line: 12, error: "ModuleNotFoundError: No module named 'shop_client'" },
];

const TRACEBACK = `Traceback (most recent call last):
  File "backgroundtask/sync_orders.py", line 31, in run
    page = client.fetch(cursor)
  File "backgroundtask/shop.py", line 88, in fetch
    raise ConnectionError("shop.example.com did not answer within 10 s")
ConnectionError: shop.example.com did not answer within 10 s`;

export function newRun(task, args, extra = {}) {
  const known = definitions.find((item) => item.name === task);
  return {
    id: newId(),
    definition: task,
    arguments: args,
    status: 'pending',
    progress: null,
    result: null,
    error: null,
    attempt: 0,
    attempts: 0,
    parent: null,
    user: 'admin',
    worker: null,
    schedule: null,
    due_at: ago(0),
    created_at: ago(0),
    started_at: null,
    completed_at: null,
    priority: 50,
    tags: known?.tags ?? [],
    entity: null,
    warnings: [],
    duration: null,
    cpu_seconds: null,
    pausable: known?.pausable ?? true,
    pause_requested: false,
    waiting_for: null,
    actions: [],
    ...extra,
  };
}

const worker = 'build-1:4711';
function ended(task, status, createdAgo, took, extra = {}) {
  return newRun(task, {}, {
    status,
    attempt: 1,
    attempts: 1,
    worker,
    created_at: ago(createdAgo),
    due_at: ago(createdAgo),
    started_at: ago(createdAgo - 0.4),
    completed_at: ago(createdAgo - 0.4 - took),
    duration: took,
    cpu_seconds: took / 9,
    ...extra,
  });
}

const rows = Array.from({ length: 7 }, (_, n) => ({ table: `orders_${n}`, rows: 1200 * (n + 3), bytes: 48213 * (n + 1), ok: true }));
export const runs = [
  ended('sync_orders', 'error', 340, 10.2, {
    error: { kind: 'ConnectionError', message: 'shop.example.com did not answer within 10 s', traceback: TRACEBACK },
    schedule: 'orders', user: 'system', attempt: 3, attempts: 3,
  }),
  newRun('weekly_report', {}, { created_at: ago(500), status: 'pending', waiting_for: 'Waits for the exclusive run of Every kind of field.' }),
  newRun('count', { total: 60 }, { created_at: ago(700), status: 'paused', started_at: ago(699), attempt: 1, attempts: 1, worker, progress: { current: 12, total: 60, message: 'step 12', eta: null } }),
  ended('database_backup', 'completed', 7200, 41.7, {
    arguments: { format: 'tar', keep: 7 }, schedule: 'nightly', user: 'system', warnings: ['Two tables were empty.'],
    result: { file: 'backup-2026-11-20.tar', size: 1024000, consistent: true, tables: rows },
  }),
  ...['cancelled', 'interrupted', 'skipped', 'retrying', 'cancelling'].map((status, n) => ended('sync_orders', status, 9000 + n * 900, 3.3 + n, { completed_at: n > 2 ? null : ago(8990) })),
  ...Array.from({ length: 90 }, (_, n) => ended('sync_orders', n % 9 === 4 ? 'error' : 'completed', 14_000 + n * 900, 4 + ((n * 37) % 11), {
    result: n % 9 === 4 ? null : { fetched: n * 3, written: n * 3 },
    error: n % 9 === 4 ? { kind: 'ConnectionError', message: 'shop.example.com did not answer', traceback: TRACEBACK } : null,
    schedule: 'orders', user: 'system',
  })),
];

function schedule(name, attributes) {
  return {
    id: newId(), name, label: null, description: null, schedule: '@daily', when: null, action_name: 'sync_orders', entity_name: null,
    as_user_email: null, attributes: {}, is_active: true, timezone: 'UTC', priority: null, overlap: 'skip', catch_up: 'latest',
    misfire_grace: 60, jitter: null, depends_on: [], english: 'Every day at 00:00', next_run: ago(-5000), last_run: ago(7200),
    run_count: 128, error_count: 3, last_error: null, from_code: false, bound: true, created_by: 'admin', created_at: ago(86400 * 9), updated_at: ago(86400), ...attributes,
  };
}

export const schedules = [
  schedule('nightly', { label: 'Nightly backup', schedule: '0 2 * * *', action_name: 'database_backup', english: 'Every day at 02:00', from_code: true, timezone: 'Europe/Berlin', attributes: { format: 'tar', keep: 7 } }),
  schedule('orders', { schedule: '*/15 9-17 * * mon-fri', english: 'Every 15 minutes from 9 to 17, Monday to Friday', last_error: 'shop.example.com did not answer within 10 s', last_run: ago(340), next_run: ago(-560) }),
  schedule('old-report', { label: 'Old report', action_name: 'monthly_report', bound: false, is_active: false, last_run: null, next_run: null, run_count: 0, error_count: 0 }),
];

function service(name, attributes) {
  return {
    id: newId(), name, label: null, action_name: 'sync_orders', is_active: true, state: 'running', restart: null, restarts: 0, run_count: 4,
    error_count: 1, last_status: 'error', last_error: null, next_start: null, run: runs.find((run) => run.status === 'running'), uptime: 42,
    cpu_seconds: 12.5, memory_bytes: 48_000_000, measured_at: ago(4), unbound: null, ...attributes,
  };
}

export const services = [
  service('queue', { label: 'Queue consumer' }),
  service('feed', { state: 'restarting', restarts: 2, run: null, next_start: ago(-40), last_error: 'feed.example.com did not answer', cpu_seconds: null, memory_bytes: null }),
  service('mail', { state: 'failed', is_active: false, run: null, last_error: 'mail.example.com refused the password', cpu_seconds: null, memory_bytes: null }),
];

export const fires = [
  ...['fired', 'fired', 'late', 'skipped', 'missed', 'held', 'merged', 'blocked'].map((outcome, n) => ({
    id: `fire-${n}`, due_at: ago(900 * (n + 1)), outcome, count: outcome === 'missed' ? 12 : 1, recorded_at: ago(900 * (n + 1) - 1),
    reason: { late: 'started by catch-up', skipped: 'the last run was still going', missed: 'the server was down' }[outcome] ?? null,
    run: n < 3 ? runs[9 + n].id : null,
  })),
];

export const events = Array.from({ length: 120 }, (_, n) => {
  const run = runs[n % runs.length];
  const action = ['run.completed', 'run.started', 'schedule.updated', 'run.error', 'user.signed_in', 'worker.started'][n % 6];
  return {
    id: String(5000 - n), event_type: action.startsWith('user') ? 'user' : action.startsWith('worker') ? 'system' : 'task', action,
    subject: action.startsWith('schedule') ? 'nightly' : null, task: action.startsWith('run') ? run.definition : null,
    run: action.startsWith('run') ? run.id : null, user: n % 4 === 0 ? 'admin' : null, time: ago(n * 700), detail: n % 3 ? null : { attempt: 1, seconds: 4.2 },
  };
});

export const workers = [
  { id: newId(), host: 'build-1', pid: 4711, started_at: ago(86400), heartbeat_at: ago(2), state: 'active', roles: ['scheduler', 'worker'], lanes: { async: 2, thread: 6, process: 2 }, running: [runs[2].id] },
];
