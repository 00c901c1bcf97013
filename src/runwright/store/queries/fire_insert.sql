-- A row of the ledger, unless its due time is there already.
INSERT INTO fire (schedule, due_at, outcome, reason, run, recorded_at, count, last_due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (schedule, due_at) DO NOTHING
RETURNING schedule, due_at
