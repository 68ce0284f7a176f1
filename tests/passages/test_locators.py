"""Locators: formatted from spans and parsed to spans. Values worked by hand."""

from __future__ import annotations

import pytest

from ragkit.passages.locators import find_span, format_locator, main_page, section_starts
from ragkit.records.documents import Locator

PAGES = (0, 10, 20, 20, 30)  # the third is empty
SLIDES = tuple(Locator(10 * n, "slide", str(n + 1)) for n in range(4))
ROWS = (
    *(Locator(10 * n, "sheet", f"Budget!A{n + 1}:F{n + 1}") for n in range(12)),
    Locator(120, "sheet", "A#1 & 100%!B2:C3"),
)
CUES = (
    Locator(0, "time", "00:01:02.500-00:01:04"),
    Locator(10, "time", "00:01:04-00:01:09.250"),
    Locator(20, "time", "00:01:10-00:01:15"),
)
CHAPTERS = (Locator(0, "chapter", "front-matter"), Locator(10, "chapter", "2"))


@pytest.mark.parametrize(
    ("pages", "locators", "start", "end", "place", "span"),
    [
        (PAGES, (), 12, 18, "page=2", (10, 20)),
        (PAGES, (), 12, 20, "page=2", (10, 20)),
        (PAGES, (), 12, 21, "page=2-4", (10, 30)),
        ((), SLIDES, 20, 29, "slide=3", (20, 30)),
        ((), SLIDES, 25, 99, "slide=3-4", (20, 99)),
        ((), ROWS, 15, 18, "sheet=Budget!A2:F2", (10, 20)),
        ((), ROWS, 10, 90, "sheet=Budget!A2:F9", (10, 90)),
        ((), ROWS, 120, 130, "sheet=A%231 & 100%25!B2:C3", (120, 200)),
        ((), CUES, 0, 18, "time=00:01:02.500-00:01:09.250", (0, 20)),
        ((), CUES, 20, 24, "time=00:01:10-00:01:15", (20, 200)),
        ((), CHAPTERS, 3, 8, "chapter=front-matter", (0, 10)),
        ((), CHAPTERS, 3, 12, "chapter=front-matter-2", (0, 200)),
    ],
)
def test_a_locator_is_parsed_to_its_span(pages, locators, start, end, place, span) -> None:
    length = 99 if locators is SLIDES else 200
    assert format_locator(pages, locators, start, end) == place
    assert find_span(place, pages, locators, length) == span


def test_spans_without_a_common_locator_have_none() -> None:
    assert format_locator((), (), 0, 5) is None
    assert format_locator((), SLIDES[1:], 0, 15) is None  # begins before the first slide
    assert format_locator((), ROWS, 110, 125) is None  # over two sheets


@pytest.mark.parametrize(
    ("place", "span"),
    [
        ("sheet=Budget", (0, 120)),
        ("sheet=Budget!B3", (20, 30)),
        ("sheet=Budget!C11:C900", (100, 120)),
        ("time=00:01:03", (0, 10)),
        ("time=1:05-1:12", (10, 200)),
        ("sheet=Budget!A99", None),
        ("sheet=Other", None),
        ("time=09:00:00", None),
        ("time=noon", None),
        ("slide=1", None),
    ],
)
def test_locators_written_by_users_are_parsed(place: str, span: tuple[int, int] | None) -> None:
    assert find_span(place, (), ROWS if "sheet" in place else CUES, 200) == span


@pytest.mark.parametrize("place", ["page=0", "page=6", "page=3-2", "page=4-6"])
def test_pages_that_do_not_exist_have_no_span(place: str) -> None:
    assert find_span(place, PAGES, (), 40) is None


def test_the_main_page_is_the_first_with_enough_text() -> None:
    text = "foot\n\n" + "body " * 20 + "\n\nnext"
    pages = (0, 6, 108)
    assert main_page(text, pages, 0, 105) == 2  # four letters of 84 are on page 1
    assert main_page(text, pages, 60, 112) == 2
    assert main_page(text, pages, 100, 112) == 2
    assert main_page(text, (), 0, 4) is None


def test_slides_chapters_and_sheets_begin_a_section_but_rows_and_cells_do_not() -> None:
    assert list(section_starts(SLIDES)) == [0, 10, 20, 30]
    assert list(section_starts(ROWS)) == [0, 120]
    assert list(section_starts(CUES)) == []
    assert list(section_starts((Locator(0, "cell", "1"), Locator(9, "cell", "2")))) == []
