-- It could.
DELETE FROM probe;
