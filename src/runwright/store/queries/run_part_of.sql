-- Whether a run ($1) is part of another one ($2).
SELECT 1 FROM run r WHERE r.key = $1 AND EXISTS (
--include above
  SELECT 1 FROM above WHERE above.id = $2)
