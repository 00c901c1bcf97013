-- The oldest entries of the timeline.
DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT $2) AND time < $1;
