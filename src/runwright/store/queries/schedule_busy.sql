-- Those of these schedules that have a live run. One is enough to know: a schedule may have any number of them.
--sqlite SELECT wanted.value FROM json_each($1) AS wanted
--postgres SELECT wanted.value FROM unnest($1::text[]) AS wanted (value)
WHERE EXISTS (SELECT 1 FROM run WHERE run.schedule = wanted.value AND run.schedule IS NOT NULL AND run.completed_at IS NULL)
