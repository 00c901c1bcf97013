-- The first schema. SQLite's own file: WITHOUT ROWID, STRICT and the trigger's form differ from PostgreSQL's.
-- Times are microseconds since 1970 UTC; JSON is text; flags are 0 and 1.

-- A copy of lifecycle.TRANSITIONS, written anew at each opening and looked up by every statement that moves a run.
CREATE TABLE transition (
  event  TEXT NOT NULL,
  status TEXT NOT NULL,
  next   TEXT NOT NULL,
  PRIMARY KEY (event, status)
) STRICT, WITHOUT ROWID;

-- One row for each process start. The key is narrow because every claimed run carries it.
-- beats rises with each renewal of the lease, by which every process sees on its own clock that it was renewed.
-- works: it executes runs; fires: it has a scheduler.
CREATE TABLE worker (
  key          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT    NOT NULL UNIQUE,
  host         TEXT    NOT NULL,
  pid          INTEGER NOT NULL,
  lanes        TEXT    NOT NULL,
  state        TEXT    NOT NULL CHECK (state = 'live' OR state = 'ended' OR state = 'lost'),
  started_at   INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  lease        INTEGER NOT NULL,
  beats        INTEGER NOT NULL DEFAULT 0,
  works        INTEGER NOT NULL CHECK (works = 0 OR works = 1),
  fires        INTEGER NOT NULL CHECK (fires = 0 OR fires = 1),
  ended_at     INTEGER,
  CHECK ((state = 'live') = (ended_at IS NULL))
) STRICT;
CREATE INDEX worker_live ON worker (key) WHERE state = 'live';

-- Which session knows which task: it may be given runs of these and of no others, and of some only so many in a time.
CREATE TABLE catalogue (
  worker INTEGER NOT NULL REFERENCES worker (key) ON DELETE CASCADE,
  task   TEXT    NOT NULL,
  rate_count  INTEGER,
  rate_micros INTEGER,
  PRIMARY KEY (worker, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX catalogue_task ON catalogue (task);

-- What a session tells of the tasks that it knows, for processes that do not have their code. Claims do not read it.
CREATE TABLE definition (
  worker      INTEGER NOT NULL REFERENCES worker (key) ON DELETE CASCADE,
  task        TEXT    NOT NULL,
  source_hash TEXT    NOT NULL,
  body        TEXT    NOT NULL,
  PRIMARY KEY (worker, task)
) STRICT, WITHOUT ROWID;

-- rank: the priority by which it is claimed; it rises when a run has waited too long.
-- ready: 0 not to be claimed now (claimed, not due, not waiting), 1 to be claimed, 2 waits for its concurrency key,
-- 3 waits for other schedules, 4 waits for the runs of its own schedule that came before it.
-- token: the claim's fencing token; a waiting run with a token is a reservation.
-- until_start: the unique key is given up when the run starts.
-- worker: the session that claimed it last. No foreign key: it would be looked up at every claim, and old sessions go.
-- lent: 1 while a claimed run only waits for others, 2 if it would go on and an exclusive run keeps it from that.
-- Lists of allowed values are OR chains: SQLite builds a temporary index for each row checked with IN (measured: a third
-- of the cost of a bulk insert).
CREATE TABLE run (
  key               INTEGER PRIMARY KEY,
  id                TEXT    NOT NULL UNIQUE,
  task              TEXT    NOT NULL,
  lane              TEXT    NOT NULL CHECK (lane = 'async' OR lane = 'thread' OR lane = 'process' OR lane = 'service'),
  status            TEXT    NOT NULL CHECK (status = 'pending' OR status = 'running' OR status = 'paused' OR status = 'cancelling' OR status = 'retrying' OR status = 'completed' OR status = 'error' OR status = 'cancelled' OR status = 'interrupted' OR status = 'skipped'),
  priority          INTEGER NOT NULL,
  rank              INTEGER NOT NULL,
  exclusive         INTEGER NOT NULL CHECK (exclusive = 0 OR exclusive = 1),
  due_at            INTEGER NOT NULL,
  ready             INTEGER NOT NULL CHECK (ready = 0 OR ready = 1 OR ready = 2 OR ready = 3 OR ready = 4),
  token             INTEGER,
  worker            INTEGER,
  attempt           INTEGER NOT NULL DEFAULT 0,
  failures          INTEGER NOT NULL DEFAULT 0,
  crashes           INTEGER NOT NULL DEFAULT 0,
  pause_requested   INTEGER NOT NULL DEFAULT 0 CHECK (pause_requested = 0 OR pause_requested = 1),
  cancel_requested  INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested = 0 OR cancel_requested = 1),
  lent              INTEGER NOT NULL DEFAULT 0 CHECK (lent = 0 OR lent = 1 OR lent = 2),
  created_at        INTEGER NOT NULL,
  started_at        INTEGER,
  completed_at      INTEGER,
  on_interrupt      TEXT    NOT NULL CHECK (on_interrupt = 'retry' OR on_interrupt = 'hold'),
  parent            TEXT,
  schedule          TEXT,
  unique_key        TEXT,
  until_start       INTEGER NOT NULL DEFAULT 0 CHECK (until_start = 0 OR until_start = 1),
  concurrency_key   TEXT,
  concurrency_limit INTEGER,
  retry             TEXT,
  as_user           TEXT,
  created_by        TEXT    NOT NULL,
  entity            TEXT,
  tags              TEXT,
  arguments         TEXT    NOT NULL,
  result            TEXT,
  error_kind        TEXT,
  error_message     TEXT,
  warnings          TEXT,
  progress_current  REAL,
  progress_total    REAL,
  progress_message  TEXT,
  cpu_seconds       REAL,
  CHECK ((completed_at IS NOT NULL) = (status = 'completed' OR status = 'error' OR status = 'cancelled' OR status = 'interrupted'
    OR status = 'skipped')),
  CHECK (token IS NULL OR (worker IS NOT NULL AND ready = 0 AND completed_at IS NULL)),
  CHECK (token IS NOT NULL OR (status <> 'running' AND status <> 'paused' AND status <> 'cancelling')),
  CHECK (lent = 0 OR token IS NOT NULL),
  CHECK (ready = 0 OR status = 'pending' OR status = 'retrying'),
  CHECK (ready <> 2 OR concurrency_key IS NOT NULL),
  CHECK (ready < 3 OR (status = 'pending' AND schedule IS NOT NULL)),
  CHECK ((concurrency_key IS NULL) = (concurrency_limit IS NULL)),
  CHECK (progress_current IS NULL OR (progress_current >= 0 AND progress_total >= 0)),
  CHECK (error_message IS NULL OR error_kind IS NOT NULL)
) STRICT;

-- A run that is neither claimed nor completed waits: the indexes say it so, because the planner would rather use an
-- index on status.
-- Claiming: the waiting, due, unclaimed runs of one lane and task in the order of the queue.
CREATE INDEX run_ready ON run (lane, task, rank DESC, due_at, key) WHERE ready = 1 AND exclusive = 0;
-- The exclusive runs that wait, by arrival: the first that is due is the barrier.
CREATE INDEX run_exclusive ON run (due_at, key) WHERE exclusive = 1 AND completed_at IS NULL AND token IS NULL;
CREATE INDEX run_exclusive_held ON run (key) WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL;
-- Runs that wait for their time.
CREATE INDEX run_later ON run (lane, due_at) WHERE ready = 0 AND token IS NULL AND completed_at IS NULL;
-- Claimed runs, by session.
CREATE INDEX run_held ON run (worker, lane) WHERE token IS NOT NULL;
CREATE INDEX run_wish ON run (worker) WHERE token IS NOT NULL AND (pause_requested = 1 OR cancel_requested = 1);
-- Concurrency keys: who holds one, and who waits for one.
CREATE INDEX run_key_held ON run (concurrency_key) WHERE concurrency_key IS NOT NULL AND token IS NOT NULL;
CREATE INDEX run_key_queue ON run (concurrency_key, ready, rank DESC, due_at, key)
  WHERE concurrency_key IS NOT NULL AND ready > 0;
CREATE UNIQUE INDEX run_unique ON run (unique_key) WHERE unique_key IS NOT NULL AND completed_at IS NULL;
CREATE INDEX run_unique_ended ON run (unique_key, created_at)
  WHERE unique_key IS NOT NULL AND completed_at IS NOT NULL;
-- Runs that wait for other schedules, the first of each schedule in front.
CREATE INDEX run_waiting ON run (schedule, key) WHERE ready = 3;
-- Runs that wait for those of their own schedule, likewise.
CREATE INDEX run_in_line ON run (schedule, key) WHERE ready = 4;
CREATE INDEX run_child_ready ON run (parent) WHERE parent IS NOT NULL AND ready > 0;
-- Lists.
CREATE INDEX run_task ON run (task, key);
CREATE INDEX run_status ON run (status, key) WHERE completed_at IS NOT NULL;
CREATE INDEX run_child ON run (parent, key) WHERE parent IS NOT NULL;
CREATE INDEX run_schedule ON run (schedule, key) WHERE schedule IS NOT NULL;
CREATE INDEX run_schedule_live ON run (schedule) WHERE schedule IS NOT NULL AND completed_at IS NULL;
CREATE INDEX run_history ON run (task, completed_at) WHERE completed_at IS NOT NULL;

-- Attempts that have ended. A run tells of its last one itself, unless that has left more than the run has a place for.
CREATE TABLE attempt (
  run           INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
  number        INTEGER NOT NULL,
  status        TEXT    NOT NULL CHECK (status = 'completed' OR status = 'error' OR status = 'cancelled' OR status = 'interrupted' OR status = 'snoozed'),
  started_at    INTEGER NOT NULL,
  completed_at  INTEGER NOT NULL,
  worker        INTEGER,
  error_kind    TEXT,
  error_message TEXT,
  traceback     TEXT,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
  key       INTEGER PRIMARY KEY,
  run       INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  lines     TEXT    NOT NULL,
  CHECK (last_seq >= first_seq)
) STRICT;
CREATE UNIQUE INDEX log_place ON log (run, last_seq);

-- What a run saved of itself; it survives attempts and restarts.
CREATE TABLE state (
  run  INTEGER PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
  body TEXT NOT NULL
) STRICT;

-- When runs of tasks with a rate limit were claimed to start, for as long as that counts.
CREATE TABLE rate_start (
  task TEXT NOT NULL,
  at   INTEGER NOT NULL
) STRICT;
CREATE INDEX rate_start_task ON rate_start (task, at);

CREATE TABLE idempotency (
  created_by TEXT    NOT NULL,
  key        TEXT    NOT NULL,
  digest     TEXT,
  run        TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (created_by, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

-- The timeline. subject is null where it equals the task (the events of runs).
-- Ids rise without AUTOINCREMENT, which would cost every commit another page: the newest entry is never pruned.
CREATE TABLE event (
  id         INTEGER PRIMARY KEY,
  time       INTEGER NOT NULL,
  event_type TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  subject    TEXT,
  task       TEXT,
  run        TEXT,
  actor      TEXT,
  detail     TEXT
) STRICT;
CREATE INDEX event_run ON event (run) WHERE run IS NOT NULL;
CREATE INDEX event_other ON event (event_type, id) WHERE event_type <> 'task';

CREATE TABLE schedule (
  id                    TEXT    PRIMARY KEY NOT NULL,
  name                  TEXT    NOT NULL UNIQUE,
  task                  TEXT    NOT NULL,
  rule                  TEXT    NOT NULL,
  timezone              TEXT    NOT NULL,
  arguments             TEXT    NOT NULL,
  label                 TEXT    NOT NULL,
  description           TEXT    NOT NULL,
  entity                TEXT,
  as_user               TEXT,
  enabled               INTEGER NOT NULL CHECK (enabled = 0 OR enabled = 1),
  priority              INTEGER,
  overlap               TEXT    NOT NULL,
  catch_up              TEXT    NOT NULL,
  misfire_grace_seconds REAL,
  jitter_seconds        REAL    NOT NULL,
  retry                 TEXT,
  depends_on            TEXT    NOT NULL,
  starts_at             INTEGER,
  ends_at               INTEGER,
  excluded              TEXT    NOT NULL,
  blackouts             TEXT    NOT NULL,
  origin                TEXT    NOT NULL,
  declared              TEXT    NOT NULL,
  edited                INTEGER NOT NULL CHECK (edited = 0 OR edited = 1),
  deleted               INTEGER NOT NULL CHECK (deleted = 0 OR deleted = 1),
  created_by            TEXT    NOT NULL,
  created_at            INTEGER NOT NULL,
  updated_at            INTEGER NOT NULL,
  version               INTEGER NOT NULL,
  anchor_at             INTEGER NOT NULL,
  cursor_at             INTEGER NOT NULL,
  next_due_at           INTEGER,
  first_done            INTEGER NOT NULL CHECK (first_done = 0 OR first_done = 1),
  run_count             INTEGER NOT NULL,
  error_count           INTEGER NOT NULL,
  last_run_at           INTEGER,
  last_status           TEXT,
  last_error            TEXT,
  -- What other schedules wait for: how the newest decided due time ended, and when; when a run was skipped last.
  outcome               TEXT,
  outcome_at            INTEGER,
  skipped_at            INTEGER,
  -- Of a service: how often it has failed in a row, none of them after a healthy minute.
  restarts              INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX schedule_due ON schedule (next_due_at) WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL;

-- Those that wait for an end to be due again.
CREATE INDEX schedule_undue ON schedule (name) WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NULL;
CREATE INDEX schedule_needs ON schedule (name) WHERE depends_on <> '[]';
CREATE INDEX schedule_declared ON schedule (origin) WHERE origin <> '';
CREATE INDEX schedule_services ON schedule (name) WHERE substr(rule, 1, 16) = '{"type":"always"';

-- What the present run of a service uses, as its worker measured it last; NULL is what cannot be told apart.
CREATE TABLE usage (
  schedule     TEXT PRIMARY KEY NOT NULL,
  run          TEXT NOT NULL,
  cpu_seconds  REAL,
  memory_bytes INTEGER,
  measured_at  INTEGER NOT NULL
) STRICT;

-- All schedules are paused, if there is a row.
CREATE TABLE pause (
  key    INTEGER PRIMARY KEY CHECK (key = 1),
  reason TEXT    NOT NULL,
  actor  TEXT    NOT NULL,
  since  INTEGER NOT NULL
) STRICT;

-- The version of the time zone database by which the schedules were placed.
CREATE TABLE zones (
  key     INTEGER PRIMARY KEY CHECK (key = 1),
  version TEXT    NOT NULL
) STRICT;

-- The fire ledger: every due time at most once for each schedule, in a row of its own or within a collapsed span, which
-- is a row with a last due time. What a span covers lies behind the schedule's watermark, and is never recorded again.
CREATE TABLE fire (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule    TEXT    NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
  due_at      INTEGER NOT NULL,
  outcome     TEXT    NOT NULL CHECK (outcome = 'fired' OR outcome = 'late' OR outcome = 'merged' OR outcome = 'skipped' OR outcome = 'missed' OR outcome = 'held' OR outcome = 'blocked'),
  reason      TEXT    NOT NULL,
  run         TEXT,
  recorded_at INTEGER NOT NULL,
  count       INTEGER NOT NULL CHECK (count >= 1),
  last_due_at INTEGER
) STRICT;
CREATE UNIQUE INDEX fire_due ON fire (schedule, due_at) WHERE last_due_at IS NULL;
CREATE INDEX fire_span ON fire (schedule, last_due_at) WHERE last_due_at IS NOT NULL;
CREATE INDEX fire_list ON fire (schedule, id);
CREATE INDEX fire_age ON fire (recorded_at);

-- Ended runs of schedules whose consequences are still to be recorded.
CREATE TABLE ended (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  run          TEXT    NOT NULL,
  schedule     TEXT    NOT NULL,
  status       TEXT    NOT NULL,
  started_at   INTEGER,
  completed_at INTEGER NOT NULL,
  error        TEXT
) STRICT;
CREATE INDEX ended_schedule ON ended (schedule);

CREATE TABLE credential (
  digest     TEXT    PRIMARY KEY NOT NULL,
  kind       TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  role       TEXT    NOT NULL CHECK (role = 'viewer' OR role = 'operator' OR role = 'admin'),
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- Written and emptied again, to know whether writes are taken.
CREATE TABLE probe (at INTEGER NOT NULL) STRICT;
