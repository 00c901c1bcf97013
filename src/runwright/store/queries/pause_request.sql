-- Ask for a pause, or take the question back.
UPDATE run SET pause_requested = $2 WHERE key = $1;
