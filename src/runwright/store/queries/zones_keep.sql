-- The schedules were placed by this version of the time zones, unless it was a newer one.
INSERT INTO zones (key, version) VALUES (1, $1)
ON CONFLICT (key) DO UPDATE SET version = excluded.version WHERE excluded.version > zones.version
