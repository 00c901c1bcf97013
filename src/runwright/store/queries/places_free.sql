-- How many places at its concurrency key are free for a run that waits to be claimed.
SELECT r.concurrency_limit -
--include places_taken
FROM run r WHERE r.key = $1
