-- All schedules; tombstones only if asked for.
--include schedule_columns
WHERE deleted <= $1
ORDER BY name;
