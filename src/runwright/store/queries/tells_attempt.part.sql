-- The run r tells of its last attempt itself.
r.attempt > 0 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.run = r.key AND a.number = r.attempt)
