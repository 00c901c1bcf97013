-- The version of the time zones by which the schedules were placed.
SELECT version FROM zones WHERE key = 1
