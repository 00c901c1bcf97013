-- The ledger of a schedule, the latest entry first.
SELECT id, schedule, due_at, outcome, reason, run, recorded_at, count, last_due_at
FROM fire WHERE schedule = $1 AND id < $2 ORDER BY id DESC LIMIT $3;
