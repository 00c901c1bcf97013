"""The log of one attempt, on its way to the store: lines with numbers, capped, in chunks.

Of a long log the head is kept, and of the rest the newest lines; of a long line its beginning. Written by the place
where user code runs, read by the home loop: each end of the queue between them is touched by one side only.
"""

from __future__ import annotations

import json
import logging
from collections import deque

from runwright.clock import Micros
from runwright.model import SEQ_PER_ATTEMPT, Claim, LogChunk
from runwright.tasks.text import clean

CHUNK_BYTES = 64 * 1024
LINE_CHARACTERS = 16 * 1024
CUT_CHARACTERS = 60
LINE_COST = 40
TAIL_BYTES = 1024 * 1024
SLICE_CHARACTERS = 256 * 1024
"""How much is copied at once of a text, whatever its size: what is not kept must cost nothing."""

_Line = tuple[int, Micros, str, str]


class RunLog:
    """Takes texts, gives chunks. ``head_bytes`` are kept from the beginning."""

    __slots__ = (
        "_claim", "_dropped", "_head_bytes", "_last", "_left_out", "_lines", "_partial", "_sealed", "_size", "_tail",
        "_tail_size", "_taken", "_waiting",
    )  # fmt: skip

    def __init__(self, claim: Claim, head_bytes: int) -> None:
        self._claim = claim
        self._head_bytes = head_bytes
        self._last = claim.attempt * SEQ_PER_ATTEMPT
        self._lines: deque[_Line] = deque()
        self._waiting = self._taken = 0
        self._size = self._tail_size = self._dropped = 0
        self._tail: deque[tuple[int, Micros, str, str, int]] | None = None  # number of the first line, …, lines
        self._partial = ""
        self._left_out = 0
        self._sealed = False

    @property
    def backlog(self) -> int:
        """About how many bytes wait to be stored."""
        return self._waiting - self._taken

    def add(self, level: int, text: str, now: Micros) -> bool:
        """Append a text; each of its lines becomes one of the log. False if the log is closed."""
        if self._sealed:
            return False
        name, at = clean(str(logging.getLevelName(level))), 0
        while self._tail is None and at <= len(text):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            shown = min(end, at + LINE_CHARACTERS + CUT_CHARACTERS)
            line = _cut(clean(text[at:shown]), end - shown)
            self._size += len(line) + LINE_COST
            if self._size > self._head_bytes:
                self._tail = deque()
                self._put((self._last + 1, now, "WARNING", "… the log is long: from here only its end is kept …"))
                self._last += 1
                break
            self._last += 1
            self._put((self._last, now, name, line))
            at = end + 1
        if self._tail is not None and at <= len(text):
            self._add_tail(self._tail, name, now, text, at)
        return True

    def write(self, text: str, now: Micros) -> bool:
        """Take printed text; a line counts when it is complete. False if nothing came of it yet."""
        if len(text) <= SLICE_CHARACTERS:
            return self._write(text, now)
        complete = False
        for at in range(0, len(text), SLICE_CHARACTERS):
            complete = self._write(text[at : at + SLICE_CHARACTERS], now) or complete
        return complete

    def _write(self, text: str, now: Micros) -> bool:
        whole, newline, rest = text.rpartition("\n")
        if newline:
            first, more, others = whole.partition("\n")
            begun, left_out = self._partial + first, self._left_out
            self._partial, self._left_out = "", 0
            if len(begun) > LINE_CHARACTERS or left_out:
                begun = _cut(begun, left_out)
            self.add(logging.INFO, f"{begun}\n{others}" if more else begun, now)
        room = LINE_CHARACTERS + 1 - len(self._partial)  # one more: so that it shows that the line goes on
        self._partial += rest[:room]
        self._left_out += max(0, len(rest) - max(room, 0))  # a line without an end must not grow without bound
        return bool(newline)

    def chunks(self, now: Micros, *, final: bool = False) -> list[LogChunk]:
        """Take the lines that were not stored yet; ``final`` closes the log."""
        if final:
            if self._partial:
                self.write("\n", now)
            self._sealed = True
            self._end_tail()
        chunks: list[LogChunk] = []
        part: list[_Line] = []
        size = 0
        while self._lines:
            line = self._lines.popleft()
            cost = len(line[3]) + LINE_COST
            self._taken += cost
            if part and size + cost > CHUNK_BYTES:
                chunks.append(self._chunk(part))
                part, size = [], 0
            part.append(line)
            size += cost
        if part:
            chunks.append(self._chunk(part))
        return chunks

    def _put(self, line: _Line) -> None:
        self._waiting += len(line[3]) + LINE_COST
        self._lines.append(line)

    def _chunk(self, lines: list[_Line]) -> LogChunk:
        text = json.dumps(lines, ensure_ascii=False, separators=(",", ":"))
        return LogChunk(self._claim.key, self._claim.token, lines[0][0], lines[-1][0], text)

    def _add_tail(
        self, tail: deque[tuple[int, Micros, str, str, int]], level: str, now: Micros, text: str, at: int
    ) -> None:
        """Keep a text, from ``at`` on, as it is: it is split into lines only if it is still there at the end."""
        count = text.count("\n", at) + 1
        first, cost = self._last + 1, len(text) - at + LINE_COST * count
        self._last += count
        text = clean(text[max(at, len(text) - TAIL_BYTES) :])
        if cost > TAIL_BYTES:
            text = "\n".join(text.rsplit("\n", TAIL_BYTES // (2 * LINE_COST))[1:]) or text
            kept = text.count("\n") + 1
            self._dropped += count - kept
            first, count, cost = first + count - kept, kept, len(text) + LINE_COST * kept
        tail.append((first, now, level, text, count))
        self._tail_size += cost
        while self._tail_size > TAIL_BYTES and len(tail) > 1:
            _, _, _, old, lines = tail.popleft()
            self._tail_size -= len(old) + LINE_COST * lines
            self._dropped += lines

    def _end_tail(self) -> None:
        if self._tail is None:
            return
        if self._dropped and self._tail:
            first = self._tail[0]  # the marker takes the number of the line left out just before it
            self._put((first[0] - 1, first[1], "WARNING", f"… {self._dropped} lines left out …"))
        for number, now, level, text, _ in self._tail:
            for index, line in enumerate(text.split("\n")):
                self._put((number + index, now, level, _cut(line)))
        self._tail = None


def _cut(line: str, left_out: int = 0) -> str:
    """A line as it is kept. One that was cut before is a little longer than the limit, and passes."""
    if not left_out and len(line) <= LINE_CHARACTERS + CUT_CHARACTERS:
        return line
    left_out += max(0, len(line) - LINE_CHARACTERS)
    return f"{line[:LINE_CHARACTERS]} … ({left_out} characters left out)"
