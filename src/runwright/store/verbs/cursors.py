"""The store's verbs: cursors of lists. One is a number that a list gave, and says where its next page begins."""

from __future__ import annotations

from runwright.errors import InvalidInput

GREATEST = 2**62
"""A bound on what is put into a statement: both databases have numbers of 64 bits."""


def cursor_of(after: str) -> int:
    """The number in a cursor. Raises InvalidInput for what no list has given."""
    if after.isascii() and after.isdecimal() and len(after) < 20 and int(after) <= GREATEST:
        return int(after)
    raise InvalidInput.field("/page/after", f"{after!r:.80} is not a cursor that this list gave")
