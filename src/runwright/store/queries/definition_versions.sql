-- Which live session knows which task, and in which version; the newest session first.
SELECT d.worker, d.task, d.source_hash, w.id, w.works, w.fires
FROM worker w JOIN definition d ON d.worker = w.key
WHERE w.state = 'live'
ORDER BY d.task, d.worker DESC
