-- What follows from the end of a service's run, unless its schedule has changed since it was read: it is due again, or it
-- stays stopped.
UPDATE schedule
SET next_due_at = $3, enabled = $4, restarts = $5, version = version + 1
WHERE id = $1 AND version = $2 AND deleted = 0 AND enabled = 1 AND next_due_at IS NULL
