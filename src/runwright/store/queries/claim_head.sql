-- Where the first ready run of a task stands in the queue.
SELECT -rank, due_at, key FROM run WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2 ORDER BY rank DESC, due_at, key LIMIT 1;
