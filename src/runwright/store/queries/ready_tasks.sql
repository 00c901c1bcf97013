-- All tasks of these lanes that have ready runs: one seek for each.
--include ready_places
SELECT lane, task FROM place WHERE task IS NOT NULL
