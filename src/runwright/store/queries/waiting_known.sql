-- Does a live session know the task? And is there a live worker at all?
SELECT EXISTS (SELECT 1 FROM catalogue c JOIN worker w ON w.key = c.worker
WHERE c.task = $1 AND w.state = 'live'), EXISTS (SELECT 1 FROM worker w
WHERE w.state = 'live' AND w.works = 1);
