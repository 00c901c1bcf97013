-- Does another schedule have this name?
SELECT 1 FROM schedule WHERE name = $1 AND id <> $2;
