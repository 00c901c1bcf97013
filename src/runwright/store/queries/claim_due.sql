-- Runs whose time has come are ready.
UPDATE run SET ready = 1
WHERE ready = 0 AND token IS NULL AND completed_at IS NULL AND lane = $1 AND due_at <= $2;
