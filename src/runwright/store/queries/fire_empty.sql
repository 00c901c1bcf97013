-- All due times have left a span.
DELETE FROM fire WHERE id = $1 AND count = $2
