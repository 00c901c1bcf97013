-- A session tells of nothing any more.
DELETE FROM definition WHERE worker = $1;
