-- When the next run of a lane becomes due.
SELECT min(due_at) FROM run WHERE ready = 0 AND token IS NULL AND completed_at IS NULL AND lane = $1;
