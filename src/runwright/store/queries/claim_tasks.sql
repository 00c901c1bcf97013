-- The tasks of these lanes that have ready runs and that the session knows, with their rate limits: one seek for each
-- task, known or not.
--include ready_places
SELECT place.lane, c.task, c.rate_count, c.rate_micros FROM place
--sqlite CROSS JOIN catalogue c ON c.worker = $2 AND c.task = place.task
--postgres JOIN catalogue c ON c.worker = $2 AND c.task = place.task
