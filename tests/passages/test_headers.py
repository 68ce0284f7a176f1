"""Passages of tables, slides, pages, code and questions, and their headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.passages.blobs import blob_warning
from ragkit.records.documents import Document, Heading, Locator, Table
from tests.passages.tools import Words, check, markdown, split

HEADER = "Name | Year"
ROWS = [f"Ab cd | {n}" for n in range(10, 40)]  # 4 tokens each


def table(rows: list[str], header: str = HEADER, before: str = "", after: str = "") -> Document:
    text = before + "\n".join([header, *rows])
    tables = (Table(len(before), len(text), len(before) + len(header) + 1),)
    return Document(text + after, "text/csv", "Cups", tables=tables)


def cut(document: Document, size: int = 20, window: int = 60) -> list[tuple[str, str]]:
    tokenizer = Words(window)
    passages = split(document, tokenizer, size=size, overlap=0)
    check(document, passages, tokenizer)
    return [(passage.header, passage.text) for passage in passages]


def test_a_table_is_cut_between_rows_and_repeats_its_header() -> None:
    passages = cut(table(ROWS))
    assert passages[0] == ("Cups", "\n".join([HEADER, *ROWS[:4]]))  # 1 + 3 + 16 tokens
    assert passages[1] == ("Cups\nName | Year", "\n".join(ROWS[4:8]))  # 1 + 3 + 16
    assert all(header == "Cups\nName | Year" for header, _ in passages[1:])


def test_a_row_is_not_cut_between_sentences() -> None:
    rows = [f"It is. So {n} | We go. On" for n in range(10)]  # 10 tokens each
    texts = [text for _, text in cut(table(rows))]
    assert [line for text in texts for line in text.split("\n")] == [HEADER, *rows]


def test_a_row_over_the_size_is_not_cut_and_one_over_the_window_is() -> None:
    rows = ["a b", "word " * 25 + "| c", "d e", "letters. " * 40, "f g"]
    texts = [text for _, text in cut(table(rows))]
    assert any(rows[1] in text for text in texts)
    assert sum(text.count("letters.") for text in texts) == 40


def test_a_long_header_is_shortened_and_text_after_the_table_has_none() -> None:
    document = table(ROWS, "One two three four five six seven", after="\n\n" + "So it is. " * 9)
    headers = [header for header, _ in cut(document)]
    assert headers[1] == "Cups\nOne two three four five"  # five tokens, a quarter of the size
    assert headers[-1] == "Cups"


cells = st.sampled_from(["a", "word", "letters.", "|", "3.14"])


@given(st.lists(st.lists(cells, min_size=1, max_size=30)), st.integers(4, 60))
def test_passages_of_any_table_keep_to_the_rules(rows: list[list[str]], size: int) -> None:
    document = table([" ".join(row) for row in rows], before="Before it.\n\n")
    cut(document, size)


def test_a_passage_never_crosses_a_slide() -> None:
    text = "One\n\nTwo\n\nThree it is."
    slides = (Locator(0, "slide", "1"), Locator(5, "slide", "2"), Locator(10, "slide", "3"))
    document = Document(text, "x", "Deck", headings=(Heading(5, 8, 1, "Two"),), locators=slides)
    passages = split(document, Words())
    assert [(p.text, p.locator, p.header) for p in passages] == [
        ("One", "slide=1", "Deck"),
        ("Two", "slide=2", "Deck › Two"),
        ("Three it is.", "slide=3", "Deck › Two"),
    ]


def test_rows_of_a_sheet_share_a_passage_and_sheets_do_not() -> None:
    lines = ["Ab | cd", "Ef | gh", "Ij | kl"]
    cells = ("One!A1:B1", "One!A2:B2", "Two!A1:B1")
    places = tuple(Locator(8 * n, "sheet", value) for n, value in enumerate(cells))
    passages = split(Document("\n".join(lines), "x", locators=places), Words())
    assert [p.locator for p in passages] == ["sheet=One!A1:B2", "sheet=Two!A1:B1"]


def test_a_page_boundary_is_preferred_if_a_paragraph_ends_there() -> None:
    page = "Ab cd ef. Gh ij kl. Mn op qr."  # 12 tokens
    text = f"{page}\n\n{page}\n\n{page}"
    document = Document(text, "application/pdf", pages=(0, 31, 62))
    passages = split(document, Words(), size=20, overlap=0)
    assert [(p.text, p.locator) for p in passages] == [
        (page, "page=1"), (page, "page=2"), (page, "page=3")
    ]  # fmt: skip


def test_a_paragraph_over_two_pages_is_one_passage_with_both_pages() -> None:
    text = "Ab cd ef gh ij kl\nmn op. Qr st uv wx."
    (passage,) = split(Document(text, "application/pdf", pages=(0, 18)), Words())
    assert (passage.page, passage.locator) == (1, "page=1-2")


PYTHON = """\
import os
import re
import sys

LIMIT = 3


# What is done.
@once
def first(a):
    if a:
        return 1

    return 2


class Second:
    def run(self):
        return 3

    def stop(self):
        return 4
"""


def test_code_is_cut_at_definitions() -> None:
    document = Document(PYTHON, "text/x-python", lines=True)
    texts = [text.split("\n")[0] for _, text in cut(document, 26, 26)]
    assert texts == ["import os", "# What is done.", "class Second:"]


def test_code_in_a_fence_is_cut_at_definitions() -> None:
    functions = [f"def f{n}(a, b):\n    c = a. b\n\n    return c" for n in range(4)]
    document = markdown("\n\n".join(["```", *functions, "```"]))
    texts = [text for _, text in cut(document, 36, 36)]
    assert all(text.count("def ") == text.count("return") for text in texts)
    assert len(texts) == 2


@pytest.mark.parametrize(("mark", "size"), [("", 17), ("**", 31)])
def test_a_question_stays_with_its_answer(mark: str, size: int) -> None:
    pairs = [f"{mark}May we go {n}?{mark}\n\nYes. It is so, and it was so." for n in range(4)]
    assert [text for _, text in cut(Document("\n\n".join(pairs), "text/plain"), size)] == pairs


def test_a_short_rest_after_a_fence_joins_it() -> None:
    text = "```\n" + "a b c d e f g h\n" * 3 + "```\n\nEnd."
    assert [part for _, part in cut(markdown(text), 31, 40)] == [text]


SCRIPTS = {
    "Chinese": ("我能吞下玻璃。", "而不伤身体！", "真的？"),
    "Japanese": ("私はガラスを食べられます。", "「それは私を傷つけません！」"),
    "Arabic": ("أنا قادر على أكل الزجاج؟ ", "و هذا لا يؤلمني. "),
    "Thai": ("ฉันกินกระจกได้ ", "แต่มันไม่ทำให้ฉันเจ็บ "),
}


class Characters(Words):
    """Every character is a token, as in scripts without spaces."""

    @staticmethod
    def _spans(text: str) -> list[tuple[int, int]]:
        return [(at, at + 1) for at, character in enumerate(text) if not character.isspace()]


@pytest.mark.parametrize("sentences", SCRIPTS.values(), ids=SCRIPTS)
def test_other_scripts_are_cut_at_their_sentences(sentences: tuple[str, ...]) -> None:
    document = Document("".join(sentences) * 20, "text/plain")
    passages = split(document, Characters(60), size=60, overlap=0)
    check(document, passages, Characters(60))
    assert len(passages) > 3
    assert all(p.text.endswith(tuple(s.strip() for s in sentences)) for p in passages)


def test_only_the_beginning_of_a_blob_is_in_a_passage() -> None:
    text = f"See this: {'iVBORw0KGgo' * 900}) and that."
    passages = split(Document(text, "text/plain"), Words())
    assert [len(p.text) for p in passages] == [110, 11]
    assert blob_warning(text) == "a word of over 2,000 characters: 9,800 characters not searched"
    assert blob_warning("汉字" * 5_000 + "word " * 9_000 + "x" * 2_000) is None
