-- A place at a concurrency key has become free: the best of those that wait for it is ready again.
UPDATE run SET ready = 1
WHERE key = (SELECT key FROM run WHERE ready = 2 AND concurrency_key = $1 ORDER BY priority DESC, due_at, key LIMIT 1);
