-- session_key, the lock of claims and claim_look, in one way there and back: for a turn that tells nothing. What it sees may
-- be from before it had the lock, so that claim_read looks once more whether there is an exclusive run.
--include ready_places
SELECT session.key, session.barrier, session.wishes,
  about.next_due, about.exclusive, known.lane, known.task, known.rate_count, known.rate_micros
FROM (
  SELECT
--include session_columns
  FROM worker WHERE id = $2 AND state = 'live'
--postgres  FOR KEY SHARE
) AS session
--postgres CROSS JOIN LATERAL (SELECT CASE WHEN session.barrier = 1 THEN pg_advisory_xact_lock(7283012001)
--postgres   ELSE pg_advisory_xact_lock_shared(7283012001) END) AS locked
CROSS JOIN (
--include due_and_exclusive
) AS about
LEFT JOIN (
  SELECT place.lane, c.worker, c.task, c.rate_count, c.rate_micros FROM place
--sqlite CROSS JOIN catalogue c ON c.task = place.task
--postgres JOIN catalogue c ON c.task = place.task
) AS known ON known.worker = session.key
