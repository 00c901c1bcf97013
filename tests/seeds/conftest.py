"""The fixtures of the story and of the doors, for the examples of the documents; and a gate, shut before each test."""

from tests.edges.conftest import doors
from tests.seeds.openscan import fresh
from tests.story.conftest import opened

__all__ = ["doors", "fresh", "opened"]
