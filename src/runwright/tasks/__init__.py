"""The room of tasks: what can be run. It defines tasks, reads their parameters, finds them and keeps their names.

It knows nothing of stores, schedules or workers; a task's ``schedule`` is kept as it was given.
"""
