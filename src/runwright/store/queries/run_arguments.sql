-- A run's arguments as stored.
SELECT arguments FROM run WHERE id = $1;
