-- The live run that holds a unique key.
SELECT id FROM run WHERE unique_key = $1 AND unique_key IS NOT NULL AND completed_at IS NULL
