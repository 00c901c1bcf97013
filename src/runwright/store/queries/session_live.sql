-- The sessions that are not over yet.
SELECT key, id, lease_until FROM worker WHERE state = 'live';
