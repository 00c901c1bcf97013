-- A run as people's commands meet it.
SELECT key, status, task, schedule, token, exclusive, pause_requested, cancel_requested, due_at, started_at, concurrency_key, unique_key, lane FROM run WHERE id = $1
--postgres FOR UPDATE
