-- One run.
--include run_columns
WHERE r.id = $1;
