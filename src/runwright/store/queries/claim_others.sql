-- Runs that are claimed and are not the run itself ($1 its parent) or one it is part of; services do not count.
WITH RECURSIVE above (id, parent) AS (
  SELECT id, parent FROM run WHERE id = $1
  UNION
  SELECT p.id, p.parent FROM above JOIN run p ON p.id = above.parent
)
SELECT r.id, r.task FROM run r
WHERE r.token IS NOT NULL AND r.lane <> 'service' AND NOT EXISTS (SELECT 1 FROM above WHERE above.id = r.id)
LIMIT $2;
