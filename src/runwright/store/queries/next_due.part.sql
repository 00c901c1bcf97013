-- When the next run of these lanes becomes due: one seek for each lane.
(
  SELECT min(due_at) FROM (
    SELECT (SELECT min(r.due_at) FROM run r
            WHERE r.ready = 0 AND r.token IS NULL AND r.completed_at IS NULL AND r.lane = wanted.value) AS due_at
--sqlite    FROM json_each($1) AS wanted
--postgres    FROM unnest($1::text[]) AS wanted (value)
  ) AS firsts
) AS next_due
