-- Runs that schedules made for a time that is still to come.
--include run_early
ORDER BY schedule, key LIMIT $2
