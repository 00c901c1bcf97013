-- Leave a tombstone for a schedule that is declared. It counts as edited: people's deletion wins over the code.
UPDATE schedule
SET deleted = 1, edited = 1, enabled = 0, next_due_at = NULL, updated_at = $2, version = version + 1
WHERE id = $1;
