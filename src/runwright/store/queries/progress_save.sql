-- The latest progress of a claimed run.
UPDATE run
SET progress_current = $4, progress_total = $5, progress_message = $6
WHERE key = $1 AND token = $2 AND worker = $3
RETURNING id;
