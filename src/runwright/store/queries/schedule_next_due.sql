-- The earliest next due time.
SELECT min(next_due_at) FROM schedule WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL;
