-- The oldest rows of the ledger, save spans that still go on; each schedule's watermark stays.
DELETE FROM fire WHERE id IN (
  SELECT id FROM fire WHERE recorded_at < $1 AND (last_due_at IS NULL OR last_due_at < $1) ORDER BY recorded_at LIMIT $2
);
