-- An attempt has ended.
INSERT INTO attempt (run, number, status, started_at, completed_at, worker, error_kind, error_message, traceback)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (run, number) DO NOTHING;
