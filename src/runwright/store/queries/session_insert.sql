-- A worker session begins.
INSERT INTO worker (id, host, pid, lanes, state, started_at, heartbeat_at, lease, works, fires)
VALUES ($1, $2, $3, $4, 'live', $5, $5, $6, $7, $8)
RETURNING key
