-- A session knows a task.
INSERT INTO catalogue (worker, task) VALUES ($1, $2) ON CONFLICT DO NOTHING;
