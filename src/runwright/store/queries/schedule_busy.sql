-- How many live runs a schedule has.
SELECT count(*) FROM run WHERE schedule = $1 AND schedule IS NOT NULL AND completed_at IS NULL;
