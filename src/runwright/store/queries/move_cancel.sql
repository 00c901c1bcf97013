-- Cancel: a waiting run is over at once; a started one is told.
UPDATE run SET status = $3, cancel_requested = 1, pause_requested = 0, completed_at = $4, ready = 0
WHERE key = $1 AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $2 AND t.status = run.status AND t.next = $3);
