-- Likewise those of one schedule.
--include run_early
AND schedule = $3 ORDER BY key LIMIT $2
