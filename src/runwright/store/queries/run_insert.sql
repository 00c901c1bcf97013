-- A new run, pending. An id that is there already is the same run, sent again.
INSERT INTO run (id, task, lane, status, priority, exclusive, due_at, ready, created_at, on_interrupt, parent, schedule,
                 unique_key, concurrency_key, concurrency_limit, retry, as_user, created_by, entity, tags, arguments)
VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (id) DO NOTHING;
