-- The sessions that are not over.
SELECT key, id, beats, lease FROM worker WHERE state = 'live' ORDER BY key
