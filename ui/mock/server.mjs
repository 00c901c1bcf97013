// A server for work on the page alone: it speaks the HTTP interface, keeps everything in memory and fakes running.
//   npm run mock            http://127.0.0.1:6337, serving the built page under the product's security policy
//   any token signs in, except "wrong"
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { definitions, events, fires, newId, newRun, problems, runs, schedules, services, workers } from './data.mjs';

const PORT = Number(process.env.PORT ?? 6337);
const PAGE = fileURLToPath(new URL('../../src/runwright/ui_dist/', import.meta.url));
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const ENDED = ['completed', 'error', 'cancelled', 'interrupted', 'skipped'];
const SEQ = 1_000_000_000;

const logs = new Map();
const sockets = new Map(); // run id -> sockets
const listSockets = new Set();

function actionsOf(run) {
  if (ENDED.includes(run.status)) return ['restart', 'delete'];
  if (run.status === 'running') return [run.pausable ? 'pause' : null, 'cancel'].filter(Boolean);
  if (run.status === 'paused') return ['resume', 'cancel'];
  return ['cancel'];
}
const withActions = (run) => ({ ...run, actions: actionsOf(run) });
const doc = (type, item, id = item.id) => ({ type, id, attributes: item });
const send = (socket, frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
const logOf = (run) => logs.get(run.id) ?? logs.set(run.id, ENDED.includes(run.status) ? oldLog(run) : []).get(run.id);

function oldLog(run) {
  const lines = ['opening', 'reading 3 pages', 'page 1 of 3', 'page 2 is slow', 'page 3 of 3', run.error ? run.error.message : 'done'];
  return lines.map((text, n) => ({ seq: SEQ + n + 1, time: run.started_at ?? run.created_at, level: ['DEBUG', 'INFO', 'INFO', 'WARNING', 'INFO', run.error ? 'ERROR' : 'INFO'][n], text, attempt: 1 }));
}

function tell(run, frame) {
  const last = logOf(run).at(-1)?.seq ?? 0;
  for (const socket of sockets.get(run.id) ?? []) send(socket, { ...frame, seq: last });
}
function changed(run, type = 'state') {
  tell(run, { type, status: run.status, run: withActions(run) });
  for (const socket of listSockets) send(socket, { type: 'state', run: withActions(run), seq: Date.now() });
}

/** Fakes the execution of a run: a step each 250 ms, with log lines and progress, obeying pause and cancel. */
function execute(run) {
  Object.assign(run, { status: 'running', attempt: run.attempt + 1, attempts: run.attempts + 1, started_at: new Date().toISOString(), completed_at: null, duration: null, error: null, result: null, worker: 'build-1:4711' });
  changed(run);
  const total = Number(run.arguments.total ?? 20);
  const perStep = Number(run.arguments.log_lines ?? 3);
  let step = 0;
  let line = 0;
  const timer = setInterval(() => {
    if (run.status === 'paused') return;
    if (run.status === 'cancelling') return end('cancelled');
    if (run.pause_requested) {
      Object.assign(run, { status: 'paused', pause_requested: false });
      return changed(run);
    }
    step += 1;
    const lines = Array.from({ length: perStep }, (_, n) => {
      line += 1;
      const level = n === 1 && step % 5 === 0 ? 'WARNING' : n === 2 ? 'DEBUG' : 'INFO';
      return { seq: run.attempt * SEQ + line, time: new Date().toISOString(), level, attempt: run.attempt, text: `step ${step}: line ${line} of the ${run.definition} task, which says something at moderate length about what it does` };
    });
    logOf(run).push(...lines);
    for (let at = 0; at < lines.length; at += 100) tell(run, { type: 'log', lines: lines.slice(at, at + 100) });
    run.progress = { current: step, total, message: `step ${step}`, eta: (total - step) / 4 };
    tell(run, { type: 'progress', ...run.progress });
    if (step >= total) end('completed');
  }, 250);
  function end(status) {
    clearInterval(timer);
    const now = new Date();
    Object.assign(run, { status, completed_at: now.toISOString(), duration: (now - new Date(run.started_at)) / 1000, cpu_seconds: 0.2, result: status === 'completed' ? { counted: step, lines: line } : null });
    changed(run, 'complete');
    for (const socket of sockets.get(run.id) ?? []) socket.close(1000);
  }
}

function start(task, args, extra = {}) {
  const run = newRun(task, args, extra);
  runs.unshift(run);
  changed(run);
  if (!extra.run_at) setTimeout(() => execute(run), 600);
  return run;
}

const refuse = (status, code, detail, pointer) => ({ status, body: { errors: [{ status: String(status), code, title: code, detail, ...(pointer ? { source: { pointer } } : {}) }] } });
const ok = (data, status = 200, more = {}) => ({ status, body: { data, ...more } });

function page(items, type, url) {
  const size = Number(url.searchParams.get('page[size]') ?? 50);
  const at = Number(url.searchParams.get('page[after]') ?? 0);
  const next = new URL(url);
  next.searchParams.set('page[after]', String(at + size));
  return ok(items.slice(at, at + size).map((item) => doc(type, item)), 200, { links: { next: at + size < items.length ? next.pathname + next.search : null } });
}

function command(run, action) {
  if (!actionsOf(run).includes(action)) return refuse(409, 'wrong_state', `A run that is ${run.status} cannot do that.`);
  if (action === 'pause') run.pause_requested = true;
  if (action === 'resume') run.status = 'running';
  if (action === 'cancel') Object.assign(run, run.status === 'running' ? { status: 'cancelling' } : { status: 'cancelled', completed_at: new Date().toISOString() });
  if (action === 'restart') setTimeout(() => execute(run), 400) && Object.assign(run, { status: 'pending', progress: null, completed_at: null });
  changed(run, ENDED.includes(run.status) ? 'complete' : 'state');
  return ok(doc('run', withActions(run)), 202);
}

function missing(task, args, at) {
  const required = task?.schema.required ?? [];
  const errors = required.filter((name) => args?.[name] === undefined).map((name) => ({ status: '422', code: 'missing', title: 'Missing', detail: 'Field required', source: { pointer: `/data/attributes/${at}/${name}` } }));
  return errors.length > 0 ? { status: 422, body: { errors } } : null;
}

function next(count) {
  return Array.from({ length: count }, (_, n) => new Date(Math.ceil(Date.now() / 3.6e6 + n) * 3.6e6).toISOString());
}

const routes = [
  ['GET', /^\/api\/me$/, () => ok(doc('user', { name: 'admin', role: 'admin' }, 'u1'))],
  ['GET', /^\/api\/stats$/, () => ok(doc('stats', { total_tasks: 3, enabled_tasks: 2, running_tasks: 1, total_runs: runs.length, total_errors: 3, scheduler: 'ticking', runs_by_status: { running: runs.filter((run) => run.status === 'running').length } }, 'all'))],
  ['GET', /^\/api\/definition$/, () => ok(definitions.map((item) => doc('definition', item, item.name)), 200, { meta: { problems } })],
  ['GET', /^\/api\/definition\/(.+)$/, (_, [name]) => (definitions.find((d) => d.name === name) ? ok(doc('definition', definitions.find((d) => d.name === name), name)) : refuse(404, 'not_found', 'There is no such task.'))],
  ['GET', /^\/api\/run$/, (url) => {
    const f = (name) => url.searchParams.get(`filter[${name}]`);
    return page(runs.filter((run) => (!f('definition') || run.definition === f('definition')) && (!f('status') || f('status').split(',').includes(run.status)) && (!f('schedule') || run.schedule === f('schedule'))).map(withActions), 'run', url);
  }],
  ['POST', /^\/api\/run$/, (_, __, body) => {
    const { definition, arguments: args, run_at, confirm } = body.data.attributes;
    const task = definitions.find((item) => item.name === definition);
    if (task.danger && !confirm) return refuse(422, 'confirm_required', task.danger);
    return missing(task, args, 'arguments') ?? ok(doc('run', start(definition, args, run_at ? { run_at, due_at: run_at, waiting_for: 'Not due yet.' } : {})), 202);
  }],
  ['POST', /^\/api\/run\/bulk$/, (_, __, { action, ids }) => ok(ids.map((id) => {
    const run = runs.find((item) => item.id === id);
    const answer = action === 'delete' ? (ENDED.includes(run.status) ? runs.splice(runs.indexOf(run), 1) && { status: 200 } : refuse(409, 'wrong_state', 'It is still going.')) : command(run, action);
    return { type: 'run', id, meta: { status: answer.status < 300 ? 200 : answer.status, detail: answer.body?.errors?.[0].detail ?? null } };
  }))],
  ['GET', /^\/api\/run\/([^/]+)$/, (_, [id]) => (runs.some((run) => run.id === id) ? ok(doc('run', withActions(runs.find((run) => run.id === id)))) : refuse(404, 'not_found', 'There is no such run.'))],
  ['DELETE', /^\/api\/run\/([^/]+)$/, (_, [id]) => runs.splice(runs.findIndex((run) => run.id === id), 1) && { status: 204 }],
  ['GET', /^\/api\/run\/([^/]+)\/log$/, (url, [id]) => {
    const run = runs.find((item) => item.id === id);
    if (!run) return refuse(404, 'not_found', 'There is no such run.');
    const after = Number(url.searchParams.get('after') ?? 0);
    const lines = logOf(run).filter((line) => line.seq > after).slice(0, Number(url.searchParams.get('limit') ?? 1000));
    const last = lines.at(-1)?.seq ?? after;
    return ok(doc('log', { lines, last, complete: ENDED.includes(run.status) && last === (logOf(run).at(-1)?.seq ?? 0) }, id));
  }],
  ['GET', /^\/api\/run\/([^/]+)\/attempts$/, (_, [id]) => {
    const run = runs.find((item) => item.id === id);
    return ok(Array.from({ length: run?.attempts ?? 0 }, (_, n) => doc('attempt', { number: n + 1, status: n + 1 < run.attempts ? 'error' : run.status, started_at: run.started_at, completed_at: run.completed_at, worker: run.worker, error: n + 1 < run.attempts ? (run.error ?? { kind: 'Error', message: 'earlier', traceback: null }) : run.error }, `${id}/${n + 1}`)));
  }],
  ['POST', /^\/api\/run\/([^/]+)\/(pause|resume|cancel|restart)$/, (_, [id, action]) => command(runs.find((run) => run.id === id), action)],
  ['GET', /^\/api\/task$/, (url) => page(schedules, 'task', url)],
  ['POST', /^\/api\/task$/, (_, __, body) => {
    const given = body.data.attributes;
    const task = definitions.find((item) => item.name === given.action_name);
    if (task?.danger && !given.confirm) return refuse(422, 'confirm_required', task.danger);
    if (schedules.some((item) => item.name === given.name)) return refuse(409, 'taken', `There is already a schedule called ${given.name}.`);
    const made = { ...schedules[0], id: newId(), run_count: 0, error_count: 0, last_run: null, from_code: false, english: given.schedule, next_run: next(1)[0], ...given };
    schedules.push(made);
    return missing(task, given.attributes, 'attributes') ?? ok(doc('task', made), 201);
  }],
  ['GET', /^\/api\/task\/([^/]+)$/, (_, [name]) => (schedules.some((s) => s.name === name) ? ok(doc('task', schedules.find((s) => s.name === name))) : refuse(404, 'not_found', 'There is no such schedule.'))],
  ['PATCH', /^\/api\/task\/([^/]+)$/, (_, [name], body) => ok(doc('task', Object.assign(schedules.find((s) => s.name === name), body.data.attributes)))],
  ['DELETE', /^\/api\/task\/([^/]+)$/, (_, [name]) => schedules.splice(schedules.findIndex((s) => s.name === name), 1) && { status: 204 }],
  ['POST', /^\/api\/task\/([^/]+)\/fire$/, (_, [name], body) => {
    const found = schedules.find((s) => s.name === name);
    const task = definitions.find((item) => item.name === found.action_name);
    if (task?.danger && !body?.confirm) return refuse(422, 'confirm_required', task.danger);
    return ok(doc('run', start(found.action_name, found.attributes, { schedule: name })), 202);
  }],
  ['GET', /^\/api\/task\/([^/]+)\/next$/, () => ok(next(10).map((due_at) => doc('fire_time', { due_at }, due_at)))],
  ['GET', /^\/api\/task\/([^/]+)\/fires$/, (url) => page(fires, 'fire', url)],
  ['GET', /^\/api\/preview$/, (url) => {
    const text = url.searchParams.get('schedule');
    if (!/^[@\d*]/.test(text)) return refuse(422, 'schedule', `The minute field does not understand "${text}".`, '/data/attributes/schedule');
    return ok(doc('preview', { english: `At the times of ${text}`, next: next(5) }, 'preview'));
  }],
  ['GET', /^\/api\/timeline$/, (url) => {
    const value = JSON.parse(url.searchParams.get('query') ?? '[]')[0]?.value;
    return page(events.filter((event) => !value || event.event_type === value), 'event', url);
  }],
  ['GET', /^\/api\/service$/, () => ok(services.map((item) => doc('service', item)))],
  ['POST', /^\/api\/service\/([^/]+)\/(start|stop|restart)$/, (_, [name, action]) => {
    const found = services.find((item) => item.name === name);
    const on = action !== 'stop';
    return ok(doc('service', Object.assign(found, { is_active: on, state: on ? 'starting' : 'stopped', run: null, next_start: null, restarts: 0 })));
  }],
  ['GET', /^\/api\/worker$/, () => ok(workers.map((item) => doc('worker', { ...item, heartbeat_at: new Date().toISOString() })))],
];

async function api(request, response, url) {
  const text = await new Promise((done) => {
    let all = '';
    request.on('data', (chunk) => (all += chunk)).on('end', () => done(all));
  });
  const body = text ? JSON.parse(text) : null;
  const signedIn = /mock=1/.test(request.headers.cookie ?? '');
  const cookie = (value) => ({ 'Set-Cookie': `mock=${value}; HttpOnly; SameSite=Strict; Path=/` });
  let answer;
  let headers = { 'Content-Type': 'application/vnd.api+json' };
  if (url.pathname === '/api/session') {
    const good = request.method === 'DELETE' || body.token !== 'wrong';
    answer = good ? { status: 204 } : refuse(401, 'unknown_token', 'This token is not known.');
    if (good) headers = cookie(request.method === 'DELETE' ? '0; Max-Age=0' : '1');
  } else if (!signedIn) answer = refuse(401, 'signed_out', 'Sign in first.');
  else {
    for (const [method, pattern, handler] of routes) {
      const match = request.method === method ? pattern.exec(url.pathname) : null;
      if (match) answer ??= handler(url, match.slice(1).map(decodeURIComponent), body);
    }
    answer ??= refuse(404, 'not_found', 'There is no such route.');
  }
  response.writeHead(answer.status, headers).end(answer.body ? JSON.stringify(answer.body) : undefined);
}

function file(response, path) {
  const wanted = join(PAGE, normalize(path));
  const real = wanted.startsWith(PAGE) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(PAGE, 'index.html');
  response.writeHead(200, { 'Content-Type': TYPES[extname(real)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP });
  createReadStream(real).pipe(response);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, `http://${request.headers.host}`);
  if (url.pathname.startsWith('/api/')) void api(request, response, url);
  else file(response, url.pathname);
});

new WebSocketServer({ server }).on('connection', (socket, request) => {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname === '/ws/tasks') {
    listSockets.add(socket);
    send(socket, { type: 'snapshot', runs: runs.slice(0, 50).map(withActions), seq: 1 });
    socket.on('close', () => listSockets.delete(socket));
    return;
  }
  const run = runs.find((item) => `/ws/task/${item.id}` === url.pathname);
  if (!run) return socket.close(4404);
  const after = Number(url.searchParams.get('after') ?? 0);
  const mine = sockets.get(run.id) ?? sockets.set(run.id, new Set()).get(run.id);
  mine.add(socket);
  socket.on('close', () => mine.delete(socket));
  send(socket, { type: 'snapshot', run: withActions(run), seq: after });
  send(socket, { type: 'log', lines: logOf(run).filter((line) => line.seq > after), seq: after });
  if (ENDED.includes(run.status)) {
    send(socket, { type: 'complete', run: withActions(run), seq: after });
    socket.close(1000);
  }
});

server.listen(PORT, '127.0.0.1', () => console.log(`The mock is at http://127.0.0.1:${PORT}`));
