-- A session that has not renewed its lease since it was judged. One that is in the middle of a turn is left alone.
SELECT key FROM worker WHERE key = $1 AND state = 'live' AND beats = $2
--postgres FOR UPDATE SKIP LOCKED
