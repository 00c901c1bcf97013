"""The one pipe of a process: raw bytes and messages, whole and in their order, however they are cut by the reading."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwright.worker import frames
from runwright.worker.frames import FrameReader, FramesBroken, Message, new_mark

MARK = new_mark(0x1234_5678_9ABC_DEF0)


def written(*pieces: bytes | Message, mark: bytes = MARK) -> bytes:
    """What a pipe holds after these were written into it."""
    reader, writer = os.pipe()
    found = b""
    try:
        for piece in pieces:
            if isinstance(piece, bytes):
                os.write(writer, piece)
            else:
                frames.write(writer, mark, piece)
            found += os.read(reader, 1 << 16)
    finally:
        os.close(reader)
        os.close(writer)
    return found


def read(data: Iterable[bytes], mark: bytes = MARK) -> list[bytes | Message]:
    """What is read of it in these portions; neighbouring raw bytes are joined."""
    reader = FrameReader(mark)
    found: list[bytes | Message] = []
    for piece in [*(piece for portion in data for piece in reader.feed(portion)), reader.end()]:
        if isinstance(piece, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += piece
        elif piece:
            found.append(piece)
    return found


@given(
    st.lists(
        st.binary(min_size=1, max_size=60)
        | st.dictionaries(st.text(min_size=1), st.text(max_size=3000) | st.integers(), min_size=1, max_size=3),
        max_size=6,
    ),
    st.integers(1, 5000),
)
def test_what_was_written_is_read_however_it_is_cut(pieces: list[bytes | Message], portion: int) -> None:
    data = written(*pieces)
    cut = [data[start : start + portion] for start in range(0, len(data), portion)]

    assert read(cut) == read([data])
    messages = [piece for piece in read([data]) if not isinstance(piece, bytes)]
    raw = b"".join(piece for piece in read([data]) if isinstance(piece, bytes))
    assert messages == [piece for piece in pieces if not isinstance(piece, bytes)]
    assert raw == b"".join(piece for piece in pieces if isinstance(piece, bytes))


def test_a_frame_is_short_enough_to_be_written_whole() -> None:
    data = written({"text": "x" * 20_000})
    starts = [index for index in range(len(data)) if data.startswith(MARK, index)]

    assert (
        max(b - a for a, b in zip(starts, [*starts[1:], len(data)], strict=True)) <= 4096
    )  # POSIX's PIPE_BUF on Linux
    assert read([data]) == [{"text": "x" * 20_000}]


def test_messages_of_two_processes_may_come_in_turns() -> None:
    first, second = written({"a": "x" * 9000}), written({"b": "y" * 9000})
    other = second.replace(b"%08x " % os.getpid(), b"%08x " % 1)
    cut = 2 * (len(MARK) + 16 + frames.PART_BYTES)

    assert read([first[:cut] + other[:cut] + first[cut:] + other[cut:]]) == [{"a": "x" * 9000}, {"b": "y" * 9000}]


def test_what_looks_like_the_beginning_of_a_mark_is_not_lost() -> None:
    assert read([b"before" + MARK[:5]]) == [b"before" + MARK[:5]]
    assert read([b"\0\0\0", b"\0"]) == [b"\0\0\0\0"]


def test_another_run_has_another_mark() -> None:
    data = written({"log": "forged"}, mark=new_mark(1))

    assert read([data]) == [data]


@pytest.mark.parametrize(
    "data",
    [
        MARK + b"no head at all!!",
        MARK + b"00000001 2 0002\n{}",  # the end of a message that has not begun
        MARK + b"00000001 3 0002\n{]",
        MARK + b"00000001 3 0002\n[]",
    ],
)
def test_forged_frames_are_an_error(data: bytes) -> None:
    with pytest.raises(FramesBroken):
        read([data])


def test_endless_messages_are_an_error_and_not_kept() -> None:
    part = MARK + b"00000001 %d %04x\n" % (0, 4000) + b"x" * 4000
    reader = FrameReader(MARK, most_bytes=20_000)
    list(reader.feed(part.replace(b" 0 ", b" 1 ", 1)))

    with pytest.raises(FramesBroken, match="more than 20000 bytes"):
        list(reader.feed(part * 5))
    with pytest.raises(ValueError, match="at most 10 can be sent"):
        frames.write(1, MARK, {"text": "long enough"}, most_bytes=10)
