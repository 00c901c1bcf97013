-- A buried schedule's ledger goes.
DELETE FROM fire WHERE schedule = $1;
