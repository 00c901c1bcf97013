-- What the newest live session that knows them tells of some tasks.
SELECT d.task, d.source_hash, d.body
FROM worker w JOIN definition d ON d.worker = w.key
WHERE w.state = 'live' AND d.task
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
  AND NOT EXISTS (SELECT 1 FROM worker n JOIN definition e ON e.worker = n.key
                  WHERE n.state = 'live' AND n.key > w.key AND e.task = d.task)
ORDER BY d.task
