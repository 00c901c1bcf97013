"""The fixtures of the story and of the doors, for the examples of the documents."""

from tests.edges.conftest import doors
from tests.story.conftest import opened

__all__ = ["doors", "opened"]
