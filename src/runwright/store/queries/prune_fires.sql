-- The oldest rows of the ledger; each schedule's watermark stays.
DELETE FROM fire WHERE id IN (SELECT id FROM fire WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2);
