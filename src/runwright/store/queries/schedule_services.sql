-- The services by name.
--include schedule_columns
WHERE deleted = 0 AND substr(rule, 1, 16) = '{"type":"always"'
ORDER BY name
