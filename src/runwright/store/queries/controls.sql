-- What people want of the runs of a session.
SELECT key, id, token, cancel_requested, pause_requested FROM run WHERE token IS NOT NULL AND (pause_requested = 1 OR cancel_requested = 1) AND worker = $1;
