-- What people want of the runs of a session.
SELECT r.key, r.id, r.token, r.cancel_requested, r.pause_requested FROM worker w JOIN run r ON r.worker = w.key
WHERE w.id = $1 AND r.token IS NOT NULL AND (r.pause_requested = 1 OR r.cancel_requested = 1)
