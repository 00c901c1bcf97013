-- When the run of a schedule's newest fire ended.
SELECT j.completed_at FROM fire f JOIN run j ON j.id = f.run
WHERE f.id = (SELECT max(n.id) FROM fire n WHERE n.schedule = $1)
