-- Delete a terminal run; attempts, log and state go with it.
DELETE FROM run WHERE key = $1 AND completed_at IS NOT NULL;
