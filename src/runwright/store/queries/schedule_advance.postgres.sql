-- PostgreSQL's own: one statement for the whole batch.
-- Schedules' new places after a look at them, unless somebody else was quicker, or one would record what lies behind its
-- watermark. A watermark never goes back. They are locked in the one order of all, so that no two fires wait for each other.
UPDATE schedule SET cursor_at = greatest(schedule.cursor_at, v.cursor_at), next_due_at = v.next_due_at,
  enabled = v.enabled, first_done = v.first_done, version = schedule.version + 1
FROM (
  SELECT v.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::bigint[])
    AS v (id, version, cursor_at, next_due_at, enabled, first_done, first_due_at)
  JOIN schedule s ON s.id = v.id
  ORDER BY s.id FOR UPDATE OF s
) AS v
WHERE schedule.id = v.id AND schedule.version = v.version AND deleted = 0
  AND (v.first_due_at IS NULL OR v.first_due_at > schedule.cursor_at)
RETURNING schedule.id, name, task
