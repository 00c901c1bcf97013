-- What is needed to say why a run does not start, or does not go on.
SELECT status, task, lane, exclusive, due_at, key, token, ready, concurrency_key, concurrency_limit, lent,
  EXISTS (SELECT 1 FROM run p WHERE p.id = run.parent AND p.token IS NOT NULL)
FROM run WHERE id = $1;
