-- The schedules that code or files declare, tombstones too; or only the withdrawn: deleted, but not by people's edit.
--include schedule_columns
WHERE origin <> '' AND deleted - edited >= (CASE WHEN $1 = 1 THEN 1 ELSE -1 END)
ORDER BY origin, name;
