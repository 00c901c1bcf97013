-- Leave a tombstone for a schedule that comes from code.
UPDATE schedule
SET deleted = 1, enabled = 0, next_due_at = NULL, updated_at = $2, version = version + 1
WHERE id = $1;
