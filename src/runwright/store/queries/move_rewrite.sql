-- Give a terminal run that is about to be restarted other arguments, and the keys that follow from them.
UPDATE run SET arguments = $2, unique_key = $3, concurrency_key = $4, concurrency_limit = $5 WHERE key = $1;
