-- Starts of tasks that are limited no more.
DELETE FROM rate_start WHERE at < $1
