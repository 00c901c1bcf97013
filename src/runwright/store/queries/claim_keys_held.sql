-- How many claimed runs hold each of these concurrency keys, and whether some of them only wait.
SELECT concurrency_key, count(*), max(lent) FROM run
WHERE concurrency_key IS NOT NULL AND token IS NOT NULL AND concurrency_key
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
GROUP BY concurrency_key
