-- What an idempotency key was used for.
SELECT run, digest FROM idempotency WHERE created_by = $1 AND key = $2;
