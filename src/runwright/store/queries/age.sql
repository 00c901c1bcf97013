-- Ready runs of one task and rank that became due too long ago go to the front of the queue.
UPDATE run SET rank = $5
WHERE key IN (SELECT key FROM run
              WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2 AND rank = $3 AND due_at < $4
              ORDER BY due_at, key LIMIT $6
--postgres FOR UPDATE SKIP LOCKED
)
