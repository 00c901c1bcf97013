-- Forget what a session knows.
DELETE FROM catalogue WHERE worker = $1;
