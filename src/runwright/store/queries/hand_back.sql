-- A reservation waits again, at its old place.
UPDATE run SET token = NULL, worker = NULL, ready = 1
WHERE key = $1 AND token = $2 AND (status = 'pending' OR status = 'retrying');
