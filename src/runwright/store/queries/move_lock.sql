-- Hold the runs of a command in the one order of all that hold several.
SELECT key FROM run WHERE id
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[]) ORDER BY key FOR UPDATE
