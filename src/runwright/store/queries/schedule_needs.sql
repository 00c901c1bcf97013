-- The schedules that depend on others.
SELECT id, name, depends_on FROM schedule WHERE depends_on <> '[]' AND deleted = 0 ORDER BY name
