-- SQLite's own: PostgreSQL takes the whole batch in one statement.
-- A schedule's new place after a look at it, unless somebody else was quicker, or it would record what lies behind its
-- watermark, which never goes back.
UPDATE schedule
SET cursor_at = max(cursor_at, $3), next_due_at = $4, enabled = $5, first_done = $6, version = version + 1
WHERE id = $1 AND version = $2 AND deleted = 0 AND ($7 IS NULL OR $7 > cursor_at)
RETURNING id, name, task;
