-- Which runs those entries of the timeline tell of that were missing before.
SELECT id, run FROM event WHERE id
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::bigint[])
