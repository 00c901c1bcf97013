-- How many schedules there are, perhaps only of one name, or of one task.
SELECT count(*) FROM schedule
WHERE deleted = 0 AND (CAST($1 AS TEXT) IS NULL OR name = $1) AND (CAST($2 AS TEXT) IS NULL OR task = $2);
