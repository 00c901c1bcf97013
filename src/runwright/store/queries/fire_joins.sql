-- A fire was met by a run that was there already.
UPDATE fire SET run = $3 WHERE schedule = $1 AND due_at = $2 AND last_due_at IS NULL
