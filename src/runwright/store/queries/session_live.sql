-- The sessions that are not over, and whether the lease has run out at $1 of the steady clock.
-- A lease longer than it was given is from before a restart of the machine, which starts that clock anew.
SELECT key, id, lease_until <= $1 OR lease_until > $1 + lease FROM worker WHERE state = 'live';
