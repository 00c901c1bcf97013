-- The oldest entries of the timeline; never the newest one, so that ids go on rising.
DELETE FROM event
WHERE id IN (SELECT id FROM event ORDER BY id LIMIT $2) AND time < $1 AND id < (SELECT max(id) FROM event);
