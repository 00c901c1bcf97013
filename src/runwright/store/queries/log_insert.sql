-- A chunk of log lines; one that is there already was sent again.
INSERT INTO log (run, first_seq, last_seq, lines) VALUES ($1, $2, $3, $4) ON CONFLICT (run, last_seq) DO NOTHING;
