"""The composition root and the Python API: ``TaskManager``, and ``Blocking`` for code without an event loop."""

from runwright.manager.bridge import Blocking
from runwright.manager.manager import TaskManager

__all__ = ["Blocking", "TaskManager"]
