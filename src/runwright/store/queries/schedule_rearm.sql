-- The next due time that follows from the end of a run, for a schedule that waits for it.
UPDATE schedule SET next_due_at = $2, version = version + 1
WHERE id = $1 AND deleted = 0 AND enabled = 1 AND next_due_at IS NULL;
