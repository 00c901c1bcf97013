"""What happened: following runs and the timeline after their commits. Nothing here changes anything."""
