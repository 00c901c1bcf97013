"""What a user holds: the composition root, and the verbs of the Python API."""

from runwright.manager.manager import ROLES, TaskManager

__all__ = ["ROLES", "TaskManager"]
