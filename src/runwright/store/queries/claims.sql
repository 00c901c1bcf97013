-- All that a session holds, as it was claimed.
SELECT
--include claim_columns
--include claim_state
  r.token
FROM run r JOIN worker w ON w.key = r.worker
WHERE w.id = $1 AND r.token IS NOT NULL
ORDER BY r.key;
