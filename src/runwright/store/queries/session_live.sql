-- The sessions that are not over.
SELECT key, id, beats, lease, works, fires FROM worker WHERE state = 'live' ORDER BY key
