-- A session that is not fenced off. It cannot be given up for lost before this transaction has ended.
SELECT
--include session_columns
FROM worker WHERE id = $1 AND state = 'live'
--postgres FOR KEY SHARE
