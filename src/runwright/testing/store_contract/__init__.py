"""For users' tests: the suite that defines a store. Every store passes it; nothing in it knows which one it has.

Import the classes into a test module that has two fixtures: ``clock``, a ManualClock, and ``store``, an empty store on
that clock. pytest-asyncio must be in auto mode.
"""

from runwright.testing.store_contract.claims import TestBarrier, TestClaims
from runwright.testing.store_contract.dependencies import TestGraph, TestPauseOfAll, TestWaiting
from runwright.testing.store_contract.enqueue import TestEnqueue, TestIdempotency, TestUnique
from runwright.testing.store_contract.keys import TestConcurrencyKeys
from runwright.testing.store_contract.kin import TestKeysOfParents, TestWaitingParents
from runwright.testing.store_contract.knowledge import TestKnowledge
from runwright.testing.store_contract.ledger import TestBackfill, TestFires, TestSpans
from runwright.testing.store_contract.limits import TestAging, TestRates, TestUniqueForms
from runwright.testing.store_contract.lines import TestCancelling, TestInLine
from runwright.testing.store_contract.lists import TestHistory, TestRuns, TestWaitingFor
from runwright.testing.store_contract.people import TestDelete, TestMove, TestPause
from runwright.testing.store_contract.reservations import TestCancelledReservations, TestReservations
from runwright.testing.store_contract.schedules import TestSchedules, TestSettle, TestWithdraw
from runwright.testing.store_contract.services import TestServices
from runwright.testing.store_contract.sessions import TestNotes, TestOrphans, TestPrune, TestSessions
from runwright.testing.store_contract.timeline import TestCredentials, TestTimeline
from runwright.testing.store_contract.turns import TestChanges, TestFinish, TestLifecycle

__all__ = [
    "TestAging",
    "TestBackfill",
    "TestBarrier",
    "TestCancelledReservations",
    "TestCancelling",
    "TestChanges",
    "TestClaims",
    "TestConcurrencyKeys",
    "TestCredentials",
    "TestDelete",
    "TestEnqueue",
    "TestFinish",
    "TestFires",
    "TestGraph",
    "TestHistory",
    "TestIdempotency",
    "TestInLine",
    "TestKeysOfParents",
    "TestKnowledge",
    "TestLifecycle",
    "TestMove",
    "TestNotes",
    "TestOrphans",
    "TestPause",
    "TestPauseOfAll",
    "TestPrune",
    "TestRates",
    "TestReservations",
    "TestRuns",
    "TestSchedules",
    "TestServices",
    "TestSessions",
    "TestSettle",
    "TestSpans",
    "TestTimeline",
    "TestUnique",
    "TestUniqueForms",
    "TestWaiting",
    "TestWaitingFor",
    "TestWaitingParents",
    "TestWithdraw",
]
