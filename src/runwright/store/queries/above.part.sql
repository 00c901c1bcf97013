-- The runs that a run r is part of: its parent, the parent's parent, and so on.
WITH RECURSIVE above (id, parent) AS (
  SELECT p.id, p.parent FROM run p WHERE p.id = r.parent
  UNION
  SELECT p.id, p.parent FROM above JOIN run p ON p.id = above.parent
)
