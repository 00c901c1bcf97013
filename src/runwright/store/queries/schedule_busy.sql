-- How many live runs each of these schedules has.
SELECT schedule, count(*) FROM run
WHERE schedule IS NOT NULL AND completed_at IS NULL AND schedule
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1)
GROUP BY schedule
