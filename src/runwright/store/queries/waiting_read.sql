-- What is needed to say why a run does not start.
SELECT status, task, lane, priority, exclusive, due_at, key, token, ready, concurrency_key, concurrency_limit, parent,
  EXISTS (SELECT 1 FROM run p WHERE p.id = run.parent AND p.token IS NOT NULL)
FROM run WHERE id = $1;
