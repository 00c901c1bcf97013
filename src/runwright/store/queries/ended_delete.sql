-- The consequences of an ended run are recorded now.
DELETE FROM ended WHERE id = $1 RETURNING id;
