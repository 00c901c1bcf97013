-- The claimed runs that keep an exclusive run from being claimed: all that are not part of it, nor services, nor only wait.
-- One that would go on goes first ($2: no exclusive run is claimed now).
SELECT o.id, o.task FROM run r CROSS JOIN run o
WHERE r.key = $1 AND o.token IS NOT NULL AND o.lane <> 'service' AND o.key <> r.key
  AND (o.lent = 0 OR (o.lent = 2 AND $2 = 1))
  AND o.id NOT IN (
--include above
    SELECT id FROM above)
LIMIT $3;
