-- The key of a session that holds its lease at $2 of the steady clock; no row means that it is fenced.
SELECT key FROM worker WHERE id = $1 AND state = 'live' AND lease_until > $2;
