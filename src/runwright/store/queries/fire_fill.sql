-- A due time that had no run gets one after all.
UPDATE fire SET
--sqlite  outcome = $3, run = $4, recorded_at = $6, reason = $5
--postgres  outcome = v.outcome, run = v.run, recorded_at = v.recorded_at, reason = v.reason
    || '; it was ' || fire.outcome || CASE WHEN fire.reason = '' THEN '' ELSE ': ' || fire.reason END
--sqlite WHERE schedule = $1 AND due_at = $2 AND last_due_at IS NULL AND fire.run IS NULL
--postgres FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
--postgres   AS v (schedule, due_at, outcome, run, reason, recorded_at)
--postgres WHERE fire.schedule = v.schedule AND fire.due_at = v.due_at AND fire.last_due_at IS NULL AND fire.run IS NULL
RETURNING fire.schedule, fire.due_at
