-- A place at a concurrency key has become free: the best of those that wait for it is ready again.
UPDATE run SET ready = 1
WHERE key = (SELECT key FROM run
             WHERE concurrency_key = $1 AND concurrency_key IS NOT NULL AND ready > 0 AND ready = 2
             ORDER BY rank DESC, due_at, key LIMIT 1
--postgres FOR UPDATE SKIP LOCKED
)
