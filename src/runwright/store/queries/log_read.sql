-- The chunks of a run's log behind a sequence number.
SELECT l.lines FROM log l JOIN run r ON r.key = l.run WHERE r.id = $1 AND l.last_seq > $2 ORDER BY l.last_seq;
