-- The schedules of these tasks.
SELECT task, name FROM schedule WHERE deleted = 0 AND task
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
ORDER BY name
