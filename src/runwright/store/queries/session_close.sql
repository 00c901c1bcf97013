-- The key of a session that is to end, once its turns are over: what they claim, it must give back.
SELECT key FROM worker WHERE id = $1
--postgres FOR UPDATE
