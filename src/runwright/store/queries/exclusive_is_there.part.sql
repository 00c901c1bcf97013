(EXISTS (SELECT 1 FROM run e WHERE e.exclusive = 1 AND e.completed_at IS NULL AND e.token IS NULL)
  OR EXISTS (SELECT 1 FROM run e WHERE e.exclusive = 1 AND e.completed_at IS NULL AND e.token IS NOT NULL))
