-- The schedules that were withdrawn: what declared them did so no more. People's deletions count as edits.
SELECT name FROM schedule WHERE origin <> '' AND deleted = 1 AND edited = 0 ORDER BY name;
