-- Runs whose time has come are ready.
UPDATE run SET ready = 1
--sqlite WHERE ready = 0 AND token IS NULL AND completed_at IS NULL AND lane IN (SELECT value FROM json_each($1)) AND due_at <= $2
--postgres WHERE key IN (SELECT key FROM run WHERE ready = 0 AND token IS NULL AND completed_at IS NULL AND lane = ANY($1::text[])
--postgres   AND due_at <= $2 ORDER BY lane, due_at LIMIT 2000 FOR UPDATE SKIP LOCKED)
