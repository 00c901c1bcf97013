-- One entry of the timeline.
INSERT INTO event (time, event_type, action, subject, task, run, actor, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
