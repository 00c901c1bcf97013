-- Delete a schedule; its ledger goes with it.
DELETE FROM schedule WHERE id = $1;
