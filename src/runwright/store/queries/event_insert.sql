-- One entry of the timeline.
INSERT INTO event (time, event_type, action, subject, task, run, actor, detail)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
--postgres SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
--postgres   $8::text[])
