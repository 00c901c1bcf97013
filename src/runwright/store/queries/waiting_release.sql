-- A run waits for other schedules no longer.
UPDATE run SET ready = CASE WHEN due_at <= $2 THEN 1 ELSE 0 END WHERE id = $1 AND ready = 3
