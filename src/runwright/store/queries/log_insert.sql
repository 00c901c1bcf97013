-- A chunk of log lines; one that is there already was sent again.
INSERT INTO log (run, first_seq, last_seq, lines)
--sqlite VALUES ($1, $2, $3, $4)
--postgres SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
ON CONFLICT (run, last_seq) DO NOTHING
