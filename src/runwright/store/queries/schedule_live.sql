-- The live runs of these schedules, with the unique keys that they hold.
SELECT schedule, id, unique_key FROM run
WHERE schedule IS NOT NULL AND completed_at IS NULL AND schedule
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
