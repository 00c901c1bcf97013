"""For users' tests: a manager in memory, ``drain``, ``assert_started``, a manual clock, and the store suite.

Nothing else imports this room.
"""

from runwright.testing.clock import ManualClock
from runwright.testing.kit import assert_started, drain, memory_manager

__all__ = ["ManualClock", "assert_started", "drain", "memory_manager"]
