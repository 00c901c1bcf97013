-- An exclusive run that is claimed now.
SELECT key FROM run WHERE exclusive = 1 AND token IS NOT NULL LIMIT 1;
