-- Runs by their keys.
--include run_columns
WHERE r.key
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::bigint[])
