-- Idempotency keys that are too old to be sent again.
DELETE FROM idempotency
WHERE (created_by, key) IN (SELECT created_by, key FROM idempotency
WHERE created_at < $1
ORDER BY created_at LIMIT $2);
