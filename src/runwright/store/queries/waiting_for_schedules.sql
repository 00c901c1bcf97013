-- The schedules that a run's own schedule depends on.
SELECT s.depends_on FROM run r JOIN schedule s ON s.id = r.schedule WHERE r.id = $1
