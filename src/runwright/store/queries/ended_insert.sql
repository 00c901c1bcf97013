-- A run of a schedule has ended; its consequences are still to be recorded.
INSERT INTO ended (run, schedule, status, started_at, completed_at, error) VALUES ($1, $2, $3, $4, $5, $6);
