"""Batches as the texts of arrays: what arrives is what was sent, whatever it has in it."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwright.store.postgres_transaction import columns, packed
from runwright.store.rows import clean

HARD = [
    "",
    " ",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    "a,b",
    "'",
    "$1",
    "\n\t\r",
    "ä",
    "日本",
    "🙂",
    "x" * 5000,
]


async def arrived(url: str, kind: str, values: list[object]) -> list[object]:
    connection = await asyncpg.connect(url)
    try:
        texts = columns([(value, number) for number, value in enumerate(values)])
        rows = await connection.fetch(f"SELECT * FROM unnest($1::text::{kind}[], $2::text::int[])", *texts)
        assert [number for _, number in rows] == list(range(len(values)))
        return [value for value, _ in rows]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", HARD),
        ("text", [None, *HARD, None]),
        ("text", ["plain", "words"]),
        ("text", [None, None]),
        ("bigint", [0, -1, 2**62, -(2**63)]),
        ("bigint", [None, 5]),
        ("float8", [0.1, -1e300, 3, None, 1e-7]),
    ],
)
async def test_it_arrives(postgres_url: str, kind: str, values: list[object]) -> None:
    assert await arrived(postgres_url, kind, values) == values


async def test_what_no_database_can_hold_is_replaced(postgres_url: str) -> None:
    assert await arrived(postgres_url, "text", ["a\0b", "\ud800"]) == ["a?b", "?"]


@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=5))
def test_any_text_is_one_element(values: list[str | None]) -> None:
    """An array's text taken apart by its own rules gives the same elements; a column of nothing but NULL needs none."""
    (text,) = columns([(value,) for value in values])
    assert taken_apart(text) == ([clean(value) for value in values] if set(values) != {None} else [])


def taken_apart(text: str) -> list[str | None]:
    """The elements of an array's text, as the server's manual says (8.15.6)."""
    elements: list[str | None] = []
    place = 1
    while text[place] != "}":
        if text.startswith("NULL", place):
            elements.append(None)
            place += 4
        else:
            assert text[place] == '"'
            place, letters = place + 1, []
            while text[place] != '"':
                place += text[place] == "\\"
                letters.append(text[place])
                place += 1
            elements.append("".join(letters))
            place += 1
        place += text[place] == ","
    return elements


def test_a_row_that_is_shorter_is_a_fault() -> None:
    with pytest.raises(ValueError, match="shorter"):
        columns([(1, 2), (1,)])


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 1, None), ("b", 1, None), ("c", 1, None)],
        [("a", 1, "x"), ("b", 2, 'x"\\')],
        [('q"', None, 'q"'), ('q"', 5, 'q"')],
        [("a", 1, "x"), ("a", 1, "x")],
        [("a\0", 7, "\ud800"), ("b", 7, "\ud800")],
        [('one, {"row"}\0', None, "\ud800")],
    ],
)
@pytest.mark.parametrize("names", ["", " AS v (one, two, three)", " AS v (one)"])
async def test_a_value_that_all_rows_have_is_sent_once(
    postgres_url: str, rows: list[tuple[object, ...]], names: str
) -> None:
    statement = f"SELECT * FROM unnest($1::text::text[], $2::text::bigint[], $3::text::text[]){names} WHERE $1 <> ''"
    text, values = packed(statement, rows)
    connection = await asyncpg.connect(postgres_url)
    found = [tuple(row) for row in await connection.fetch(text, *values)]
    await connection.close()
    assert found == [tuple(clean(value) if isinstance(value, str) else value for value in row) for row in rows]
    assert (
        sum("," in (value or "") for value in values)
        == len([column for column in zip(*rows, strict=True) if len(set(column)) > 1])
        or len(set(rows)) == 1
    )
