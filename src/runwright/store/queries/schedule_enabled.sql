-- Those of these schedules that are enabled.
SELECT id FROM schedule WHERE enabled = 1 AND id
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
