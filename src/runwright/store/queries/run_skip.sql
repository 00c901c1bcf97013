-- A pending run is skipped in this cycle, and says why.
UPDATE run SET status = $3, completed_at = $4, ready = 0, error_kind = 'skipped', error_message = $5
WHERE id = $1 AND token IS NULL
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $2 AND t.status = run.status AND t.next = $3);
