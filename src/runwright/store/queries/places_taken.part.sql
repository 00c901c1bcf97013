-- How many places at a run r's concurrency key are taken for it: by claimed runs, save those that only wait and that r is
-- part of, or that go on only after the exclusive run that r is part of. What is not lent is asked first: few runs are.
-- Where r is part of a run that only waits, and nobody else has that one's place, only those who go on count: after an
-- exclusive run more may hold a key than its limit says, and each of them must be able to wait for its own.
(SELECT CASE WHEN EXISTS (
   SELECT 1 FROM run o
   WHERE o.concurrency_key = r.concurrency_key AND o.concurrency_key IS NOT NULL AND o.token IS NOT NULL AND o.lent > 0
     AND o.id IN (
--include above
       SELECT id FROM above)
     AND NOT EXISTS (
       SELECT 1 FROM run d
       WHERE d.concurrency_key = r.concurrency_key AND d.concurrency_key IS NOT NULL AND d.token IS NOT NULL
         AND o.id IN (
           WITH RECURSIVE kin (id, parent) AS (
             SELECT p.id, p.parent FROM run p WHERE p.id = d.parent
             UNION
             SELECT p.id, p.parent FROM kin JOIN run p ON p.id = kin.parent
           )
           SELECT id FROM kin)))
 THEN (SELECT count(*) FROM run g
       WHERE g.concurrency_key = r.concurrency_key AND g.concurrency_key IS NOT NULL AND g.token IS NOT NULL AND g.lent = 0)
 ELSE (
  SELECT count(*) FROM run h
  WHERE h.concurrency_key = r.concurrency_key AND h.concurrency_key IS NOT NULL AND h.token IS NOT NULL
   AND (h.lent = 0
     OR h.id NOT IN (
--include above
       SELECT id FROM above)
     AND NOT EXISTS (
       SELECT 1 FROM (SELECT id FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL
                      ORDER BY key DESC LIMIT 1) AS alone
       WHERE alone.id IN (
--include above
           SELECT id FROM above)
         AND alone.id NOT IN (
           WITH RECURSIVE kin (id, parent) AS (
             SELECT p.id, p.parent FROM run p WHERE p.id = h.parent
             UNION
             SELECT p.id, p.parent FROM kin JOIN run p ON p.id = kin.parent
           )
           SELECT id FROM kin)))
 ) END)
