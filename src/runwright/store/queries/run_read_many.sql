-- Runs by their ids.
--include run_columns
WHERE r.id
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
