-- The next due time that follows from the end of a run.
UPDATE schedule SET next_due_at = $2, version = version + 1 WHERE id = $1 AND deleted = 0;
