"""The composition root and the Python API: ``TaskManager``, and ``Blocking`` for code without an event loop."""

from runwright.manager.bridge import Blocking
from runwright.manager.manager import ROLES, TaskManager

__all__ = ["ROLES", "Blocking", "TaskManager"]
