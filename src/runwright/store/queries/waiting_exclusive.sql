-- The exclusive run that is claimed.
SELECT id, task FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL ORDER BY key LIMIT 1;
