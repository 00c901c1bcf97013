-- How far rows of the ledger reach by now, for the timeline.
SELECT id, due_at, last_due_at, count FROM fire WHERE id
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::bigint[])
