-- Remember what an idempotency key was used for.
INSERT INTO idempotency (created_by, key, digest, run, created_at) VALUES ($1, $2, $3, $4, $5);
