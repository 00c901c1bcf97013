-- A claimed run whose token is still valid.
SELECT id FROM run WHERE key = $1 AND token = $2 AND worker = $3;
