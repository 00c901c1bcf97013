-- The oldest terminal runs of a task.
DELETE FROM run
WHERE key IN (SELECT key FROM run WHERE completed_at IS NOT NULL AND task = $1 AND completed_at < $2
              ORDER BY completed_at LIMIT $3);
