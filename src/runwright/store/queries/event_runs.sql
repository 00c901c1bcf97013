-- Which runs the next entries of the timeline tell of.
SELECT id, run FROM event WHERE id > $1 ORDER BY id LIMIT $2;
