"""For users' tests: a manual clock, and the suite that defines a store. Nothing else imports this room."""
