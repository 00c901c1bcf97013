"""The fixture of the story."""

from tests.story.conftest import opened

__all__ = ["opened"]
