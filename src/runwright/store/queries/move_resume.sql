-- Resume a paused run.
UPDATE run SET status = $3, pause_requested = 0 WHERE key = $1 AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $2 AND t.status = run.status AND t.next = $3);
