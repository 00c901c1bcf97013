-- PostgreSQL's own: a turn that has nothing to tell, as one statement without BEGIN and COMMIT. If all that is ready in
-- these lanes ($2: how many runs each may take) fits, and is of tasks without a rate limit, without a concurrency key, and
-- there is no exclusive run, it is claimed and begins; if not, nothing is. The tokens are the numbers after $4. One row at
-- least, if the session is live.
WITH gate AS MATERIALIZED (
  SELECT session.key, session.wishes, runwright.claims_open() AS open FROM (
    SELECT
--include session_columns
    FROM worker WHERE id = $3 AND state = 'live'
    FOR KEY SHARE
  ) AS session
), waiting AS MATERIALIZED (
  SELECT first.key, c.task, row_number() OVER () AS place,
    first.place <= wanted.most AND first.concurrency_key IS NULL AND c.rate_count IS NULL AS simple
  FROM gate CROSS JOIN unnest($1::text[], $2::int[]) AS wanted (lane, most)
    CROSS JOIN LATERAL (
      SELECT r.key, r.task, r.concurrency_key, row_number() OVER () AS place FROM run r
      WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = wanted.lane
      LIMIT wanted.most + 1
    ) AS first
    LEFT JOIN catalogue c ON c.worker = gate.key AND c.task = first.task
), decided AS MATERIALIZED (
  SELECT gate.open AND NOT EXISTS (SELECT 1 FROM waiting WHERE NOT simple) AS simple FROM gate
), begun AS (
  UPDATE run SET
--include begin_run
  FROM (
    SELECT
--include claim_columns
      r.rank, $4::bigint + waiting.place AS token, gate.key AS worker, $5::bigint AS started_at
    FROM decided CROSS JOIN gate CROSS JOIN waiting JOIN run r ON r.key = waiting.key
    WHERE decided.simple AND waiting.task IS NOT NULL AND r.ready = 1
    FOR UPDATE OF r SKIP LOCKED
  ) AS v CROSS JOIN transition t
  WHERE run.key = v.key AND run.token IS NULL AND t.event = 'start' AND t.status = run.status
  RETURNING v.*
), told AS (
  INSERT INTO event (time, event_type, action, task, run)
  SELECT $5::bigint, $6::text, $7::text, task, id FROM begun
)
SELECT decided.simple, gate.wishes,
--include next_due
, begun.*
FROM gate CROSS JOIN decided LEFT JOIN begun ON TRUE
