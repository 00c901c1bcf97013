-- Due times that end as those before them did join their row, which is the schedule's newest: no run, same outcome, same
-- reason, and of the same times, which begin with the schedule's anchor.
UPDATE fire SET
--sqlite  count = count + $4, last_due_at = $3
--postgres  count = fire.count + v.count, last_due_at = v.last_due_at
--postgres FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
--postgres   AS v (schedule, due_at, last_due_at, count, outcome, reason)
--sqlite WHERE id = (SELECT max(id) FROM fire WHERE schedule = $1) AND run IS NULL AND outcome = $5 AND reason = $6
--sqlite   AND coalesce(last_due_at, due_at) < $2 AND due_at >= (SELECT anchor_at FROM schedule WHERE id = $1)
--postgres WHERE fire.id = (SELECT max(n.id) FROM fire n WHERE n.schedule = v.schedule) AND fire.run IS NULL
--postgres   AND fire.outcome = v.outcome AND fire.reason = v.reason AND coalesce(fire.last_due_at, fire.due_at) < v.due_at
--postgres   AND fire.due_at >= (SELECT s.anchor_at FROM schedule s WHERE s.id = v.schedule)
RETURNING fire.schedule
