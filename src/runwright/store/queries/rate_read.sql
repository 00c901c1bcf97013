-- When runs of a task were claimed to start in a time, the newest first.
SELECT at FROM rate_start WHERE task = $1 AND at > $2 AND at <= $3 ORDER BY at DESC LIMIT $4
