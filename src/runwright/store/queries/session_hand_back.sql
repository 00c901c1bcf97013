-- The reservations of a session wait again, at their old place.
UPDATE run SET token = NULL, worker = NULL, ready = 1
WHERE worker = $1 AND token IS NOT NULL AND status IN ('pending', 'retrying')
RETURNING concurrency_key;
