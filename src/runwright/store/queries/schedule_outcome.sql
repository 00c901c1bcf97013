-- A due time without a run is decided: others may have waited for it.
UPDATE schedule SET outcome = $2, outcome_at = $3 WHERE id = $1
