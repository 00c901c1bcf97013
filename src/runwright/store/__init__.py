"""What survives: the contract (``base``), its SQL, its migrations and its two dialects."""
