"""What moves: the loops that fire schedules, claim runs, execute them and look after what was left behind."""
