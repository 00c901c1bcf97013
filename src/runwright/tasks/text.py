"""Room of tasks: texts that come from user code, as every store and page can hold them.

Objects that are asked for their text may raise: here that becomes a text, too.
"""

from __future__ import annotations

import logging


def clean(text: str) -> str:
    """The text without what cannot be stored: NUL, and lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def text_of(value: object, most_characters: int | None = None) -> str:
    """What ``str`` makes of any object, clean; if that raises, which type of object it was and what it raised."""
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001 - __str__ is user code, and may raise anything
        text = f"<{type(value).__name__} without a text: its __str__ raised {type(error).__name__}>"
    return clean(text if most_characters is None else text[:most_characters])


def text_of_record(record: logging.LogRecord) -> str:
    """What a record of the logging module says, with its exception. Broken arguments are told in its place."""
    try:
        text = record.getMessage()
        if record.exc_info:
            text += f"\n{logging.Formatter().formatException(record.exc_info)}"
        return f"{text}\n{record.stack_info}" if record.stack_info else text
    except Exception as error:  # noqa: BLE001 - a record with broken arguments is a fault of the task, and its log says so
        return f"{text_of(record.msg)!r} (could not be formatted: {text_of(error)})"
