-- A schedule depends on others by other names than before.
UPDATE schedule SET depends_on = $2, version = version + 1 WHERE id = $1
