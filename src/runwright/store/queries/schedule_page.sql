-- A page of the schedules by name, perhaps only one name, or those of one task.
--include schedule_columns
WHERE deleted = 0 AND name > $1 AND (CAST($2 AS TEXT) IS NULL OR name = $2) AND (CAST($3 AS TEXT) IS NULL OR task = $3)
ORDER BY name
LIMIT $4;
