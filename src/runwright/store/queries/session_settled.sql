-- A session, unless a turn of its own is under way: nobody may wait for its answer any more, and what it claims is not seen yet.
SELECT key FROM worker WHERE id = $1
--postgres FOR UPDATE NOWAIT
