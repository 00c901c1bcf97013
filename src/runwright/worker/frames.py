"""What a process of the process lane writes into its one pipe: raw output, with messages in between, in their order.

A message is JSON, cut into frames that a pipe takes whole (POSIX: writes of up to 4096 bytes are never mixed), each
led by a mark that is random for each run. Whatever is not a frame is what the task, or a program that it started,
wrote to its standard output or error. Neither side reads more than it has room for.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Iterator, Mapping
from typing import Any

Message = Mapping[str, Any]

MARK_BYTES = 17
PART_BYTES = 4000
MOST_BYTES = 16 * 1024 * 1024
_HEAD = len("ffffffff 0 0fa0\n")


class FramesBroken(Exception):
    """The pipe holds what no process of ours would write: somebody forges frames, or sends endless ones."""


def new_mark(token: int) -> bytes:
    """The mark of one run, of a random number."""
    return b"\0%016x" % (token & (2**64 - 1))


def write(descriptor: int, mark: bytes, message: Message, most_bytes: int = MOST_BYTES) -> None:
    """Write a message; it blocks while the pipe is full.

    Raises:
        ValueError: it is larger than ``most_bytes``, or no JSON.
        BrokenPipeError: nobody reads any more.
    """
    data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(data) > most_bytes:
        raise ValueError(f"a message has {len(data)} bytes; at most {most_bytes} can be sent")
    process, last = os.getpid(), 0
    while last < len(data) or not last:
        first, last = last, last + PART_BYTES
        kind = (first == 0) * 1 + (last >= len(data)) * 2
        part = data[first:last]
        _write(descriptor, b"%s%08x %d %04x\n%s" % (mark, process, kind, len(part), part))


def _write(descriptor: int, frame: bytes) -> None:
    while True:
        try:
            os.write(descriptor, frame)  # whole or not at all: it is short enough for that
        except BlockingIOError:  # somebody has made the pipe non-blocking, which is shared by all who hold it
            select.select([], [descriptor], [], 1.0)
        else:
            return


class FrameReader:
    """Takes the pipe apart again. ``feed`` gives bytes for raw output and mappings for messages, in their order."""

    def __init__(self, mark: bytes, most_bytes: int = MOST_BYTES) -> None:
        self._mark = mark
        self._most_bytes = most_bytes
        self._rest = b""
        self._parts: dict[bytes, bytearray] = {}

    def feed(self, data: bytes) -> Iterator[bytes | Message]:
        """Take what was read. Raises FramesBroken."""
        data = self._rest + data
        at, mark = 0, self._mark
        while (found := data.find(mark, at)) >= 0:
            if found > at:
                yield data[at:found]
            at = found
            head = data[at + MARK_BYTES : at + MARK_BYTES + _HEAD]
            if len(head) < _HEAD:
                break
            process, kind, length = _parse(head)
            begin = at + MARK_BYTES + _HEAD
            if len(data) < begin + length:
                break
            message = self._add(process, kind, data[begin : begin + length])
            if message is not None:
                yield message
            at = begin + length
        else:
            end = _begun(data, at, mark)
            if end > at:
                yield data[at:end]
            at = end
        self._rest = data[at:]

    def end(self) -> bytes:
        """What was held back because it might have become a frame."""
        rest, self._rest = self._rest, b""
        return rest

    def _add(self, process: bytes, kind: int, part: bytes) -> Message | None:
        if kind & 1:
            self._parts[process] = bytearray()
        if process not in self._parts or len(self._parts) > 64:
            raise FramesBroken("a message without its beginning")
        whole = self._parts[process]
        whole += part
        if len(whole) > self._most_bytes:
            raise FramesBroken(f"a message of more than {self._most_bytes} bytes")
        if not kind & 2:
            return None
        del self._parts[process]
        try:
            message = json.loads(whole)
        except ValueError as error:
            raise FramesBroken("a message that is no JSON") from error
        if not isinstance(message, dict):
            raise FramesBroken("a message that is no object")
        return message


def _parse(head: bytes) -> tuple[bytes, int, int]:
    try:
        process, kind, length = head.split()
        return process, int(kind), int(length, 16)
    except ValueError as error:
        raise FramesBroken("a frame without a head") from error


def _begun(data: bytes, at: int, mark: bytes) -> int:
    """Where at the end of ``data`` a mark may have begun; its length if nowhere."""
    start = max(at, len(data) - len(mark) + 1)
    while (start := data.find(mark[:1], start)) >= 0:
        if mark.startswith(data[start:]):
            return start
        start += 1
    return len(data)
