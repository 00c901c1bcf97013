-- Those of these names that schedules have.
SELECT name FROM schedule WHERE deleted = 0 AND name
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
