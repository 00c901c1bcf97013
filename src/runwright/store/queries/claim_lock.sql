-- A run that still waits, held until the commit. Whoever changes it at this moment was there before us.
SELECT key FROM run WHERE key = $1 AND token IS NULL AND completed_at IS NULL
--postgres FOR UPDATE SKIP LOCKED
