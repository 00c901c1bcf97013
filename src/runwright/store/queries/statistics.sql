-- The totals over all schedules.
SELECT count(*), coalesce(sum(enabled), 0), CAST(coalesce(sum(run_count), 0) AS BIGINT), CAST(coalesce(sum(error_count), 0) AS BIGINT),
  (SELECT count(DISTINCT r.schedule) FROM run r WHERE r.token IS NOT NULL AND r.status NOT IN ('pending', 'retrying'))
FROM schedule WHERE deleted = 0;
