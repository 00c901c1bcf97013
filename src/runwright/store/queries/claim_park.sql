-- A run waits for its concurrency key.
UPDATE run SET ready = 2 WHERE key = $1 AND ready = 1;
