-- What a run saved of itself.
INSERT INTO state (run, body) VALUES ($1, $2) ON CONFLICT (run) DO UPDATE SET body = excluded.body;
