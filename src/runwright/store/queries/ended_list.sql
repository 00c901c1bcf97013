-- Ended runs whose consequences are still to be recorded.
SELECT id, run, schedule, status, started_at, completed_at, error FROM ended ORDER BY id LIMIT $1;
