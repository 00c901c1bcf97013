-- A schedule by its id or, if nothing has that id, its name.
--include schedule_columns
WHERE id = $1 OR name = $1
ORDER BY id <> $1
LIMIT 1;
