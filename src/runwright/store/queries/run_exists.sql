-- Is a run with this id there?
SELECT 1 FROM run WHERE id = $1;
