-- A run is claimed ahead of its start; it is still pending to everyone.
UPDATE run SET ready = 0, token = $2, worker = $3 WHERE key = $1 AND token IS NULL;
