"""For users' tests: a manager in memory, time that the test moves, ``drain``, ``assert_started``, and the store suite.

Nothing else imports this room. Fixtures for pytest are in ``runwright.testing.fixtures``, which alone needs pytest.
"""

from runwright.testing.clock import ManualClock
from runwright.testing.kit import advance, assert_not_started, assert_started, drain, memory_manager

__all__ = ["ManualClock", "advance", "assert_not_started", "assert_started", "drain", "memory_manager"]
