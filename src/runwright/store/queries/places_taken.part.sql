-- How many places at a run r's concurrency key are taken for it: by claimed runs, save those that it is part of and that
-- only wait. What is not lent is asked first: few runs are, and the rest of the question costs more.
(SELECT count(*) FROM run h
 WHERE h.concurrency_key = r.concurrency_key AND h.concurrency_key IS NOT NULL AND h.token IS NOT NULL
   AND (h.lent = 0 OR h.id NOT IN (
--include above
     SELECT id FROM above)))
