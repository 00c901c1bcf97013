-- Starts that count no more.
DELETE FROM rate_start WHERE task = $1 AND at <= $2
