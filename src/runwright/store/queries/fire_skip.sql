-- A fire's run was skipped, because of the schedules that it waited for.
UPDATE fire SET outcome = 'skipped', reason = $3
WHERE id = (SELECT id FROM fire WHERE schedule = $1 AND run = $2 ORDER BY id DESC LIMIT 1)
