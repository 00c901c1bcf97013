-- What a claimed run of a schedule uses now.
INSERT INTO usage (schedule, run, cpu_seconds, memory_bytes, measured_at)
SELECT r.schedule, r.id, $3, $4, $5 FROM run r WHERE r.key = $1 AND r.token = $2 AND r.schedule IS NOT NULL
ON CONFLICT (schedule) DO UPDATE SET run = excluded.run, cpu_seconds = excluded.cpu_seconds,
  memory_bytes = excluded.memory_bytes, measured_at = excluded.measured_at
