-- What the runs of services used when they were measured last.
SELECT run, cpu_seconds, memory_bytes, measured_at FROM usage
