-- How many places at a run's concurrency key are taken for it, and how many there are.
SELECT
--include places_taken
, r.concurrency_limit FROM run r WHERE r.key = $1
