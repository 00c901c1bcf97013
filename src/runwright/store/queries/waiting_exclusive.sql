-- The exclusive run that is claimed. Of several, each is part of those before it, and the last one runs alone.
SELECT id, task, key FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL ORDER BY key DESC LIMIT 1;
