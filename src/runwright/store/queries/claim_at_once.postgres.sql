-- PostgreSQL's own: a turn that has nothing to tell, as one statement without BEGIN and COMMIT. If all that is ready in
-- these lanes ($2: how many runs each may take) fits, has never begun (so that it has saved nothing of itself), and is of
-- tasks without a rate limit, without a concurrency key, and there is no exclusive run, it is claimed and begins; if not,
-- nothing is. A token is $4 and the run's key. One row at least, if the session is live.
WITH gate AS MATERIALIZED (
  SELECT session.key, session.wishes, runwright.claims_open() AS open FROM (
    SELECT
--include session_columns
    FROM worker WHERE id = $3 AND state = 'live'
    FOR KEY SHARE
  ) AS session
), waiting AS MATERIALIZED (
  SELECT first.key, c.task IS NOT NULL AS known, first.place <= wanted.most AND first.attempt = 0
    AND first.concurrency_key IS NULL AND c.rate_count IS NULL AS simple
  FROM gate CROSS JOIN unnest($1::text[], $2::int[]) AS wanted (lane, most)
    CROSS JOIN LATERAL (
      SELECT r.key, r.task, r.attempt, r.concurrency_key, row_number() OVER () AS place FROM run r
      WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = wanted.lane
      LIMIT wanted.most + 1
    ) AS first
    LEFT JOIN catalogue c ON c.worker = gate.key AND c.task = first.task
), decided AS MATERIALIZED (
  SELECT key AS worker, wishes, open AND NOT EXISTS (SELECT 1 FROM waiting WHERE NOT simple) AS simple FROM gate
), begun AS (
  UPDATE run AS r SET
--include begin_run
  FROM (
    SELECT locked.key, locked.key + $4::bigint AS token, decided.worker, $5::bigint AS started_at
    FROM decided CROSS JOIN waiting JOIN run AS locked ON locked.key = waiting.key
    WHERE decided.simple AND waiting.known AND locked.ready = 1 AND locked.attempt = 0
    FOR UPDATE OF locked SKIP LOCKED
  ) AS v CROSS JOIN transition t
  WHERE r.key = v.key AND r.token IS NULL AND t.event = 'start' AND t.status = r.status
  RETURNING
--include claim_columns
    NULL, r.rank, r.token
), told AS (
  INSERT INTO event (time, event_type, action, task, run)
  SELECT $5::bigint, $6::text, $7::text, task, id FROM begun
)
SELECT decided.simple, decided.wishes,
--include next_due
, begun.*
FROM decided LEFT JOIN begun ON TRUE
