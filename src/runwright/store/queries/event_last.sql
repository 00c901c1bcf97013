-- The present end of the timeline.
SELECT coalesce(max(id), 0) FROM event;
