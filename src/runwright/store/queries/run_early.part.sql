SELECT id FROM run
WHERE schedule IS NOT NULL AND completed_at IS NULL AND token IS NULL AND attempt = 0 AND due_at > $1
