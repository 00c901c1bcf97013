-- A due time that had no run gets one after all.
UPDATE fire SET outcome = $3, run = $4, recorded_at = $6, count = 1, last_due_at = NULL,
  reason = $5 || '; it was ' || outcome || CASE WHEN count > 1 THEN ' with the ' || (count - 1) || ' after it' ELSE '' END
    || CASE WHEN reason = '' THEN '' ELSE ': ' || reason END
WHERE schedule = $1 AND due_at = $2 AND run IS NULL
RETURNING schedule, due_at
