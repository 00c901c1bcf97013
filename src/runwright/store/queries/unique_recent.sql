-- An ended run that was let in with a unique key since a time.
SELECT id FROM run
WHERE unique_key = $1 AND unique_key IS NOT NULL AND completed_at IS NOT NULL AND created_at > $2
ORDER BY created_at DESC LIMIT 1
