-- The latest progress of a claimed run.
UPDATE run SET progress_current = $3, progress_total = $4, progress_message = $5 WHERE key = $1 AND token = $2
