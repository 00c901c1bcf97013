-- How many claimed runs hold a concurrency key.
SELECT count(*) FROM run WHERE concurrency_key = $1 AND concurrency_key IS NOT NULL AND token IS NOT NULL
