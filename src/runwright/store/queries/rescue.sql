-- An orphan leaves its dead session.
UPDATE run SET status = $4, token = NULL, lent = 0, ready = $5, completed_at = $6, crashes = crashes + $7, pause_requested = 0,
  error_kind = $8, error_message = $9
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $3 AND t.status = run.status AND t.next = $4);
