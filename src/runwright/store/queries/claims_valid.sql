-- Which of these runs a session holds, with which token.
SELECT key, token, id FROM run WHERE token IS NOT NULL AND worker = $2 AND key
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::bigint[])
