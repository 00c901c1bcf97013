-- The key of a session, whatever its state.
SELECT key FROM worker WHERE id = $1;
