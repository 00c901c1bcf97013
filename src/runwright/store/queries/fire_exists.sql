-- Is a due time in the ledger?
SELECT 1 FROM fire WHERE schedule = $1 AND due_at = $2;
