"""Identifiers that are written in several ways."""

import time

import pytest

from ragkit.analysis.analyzer import analyzer_for
from ragkit.analysis.identifiers import MAX_JOINED_LENGTH, joined_spellings, unit_matches
from tests.storage.lexical.conftest import build_index, top_ids


@pytest.mark.parametrize(
    ("text", "spellings"),
    [
        ("Decision DEC-0054 moves", ["DEC0054"]),
        ("ISO 27001 in 2022", ["ISO27001"]),
        ("CVE-2024-31337", ["CVE2024", "CVE202431337"]),
        ("E\u20131047", ["E1047"]),
        ("bolts of 10 mm", ["10mm"]),
        ("on +00 000 123 456.", ["00000123456"]),
        ("2023-11-05", ["20231105"]),
        ("class Name: pass", ["class=Name"]),
        ("12 34 56 78 90 12 34 56 78 90", []),  # a row of a table
        ("pages 12 345", []),
        ("a plain sentence of 3 words", []),
        ("10.20.30.41", []),
    ],
)
def test_an_identifier_has_a_spelling_without_separators(text, spellings):
    assert joined_spellings(text) == spellings


def test_lower_case_counts_in_queries_only():
    assert joined_spellings("dec 0054") == []
    assert joined_spellings("dec 0054", is_query=True) == ["DEC0054"]


def test_a_very_long_code_has_no_joined_spelling():
    code = "AB12 " * 20
    assert all(len(spelling) <= MAX_JOINED_LENGTH for spelling in joined_spellings(code))


NOISE = [(100 + n, f"Note {n} about release, audit, decision and printer") for n in range(20)]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The audit follows ISO 27001.", "ISO27001"),
        ("The audit follows ISO27001.", "ISO 27001"),
        ("The audit follows ISO27001.", "iso 27001"),
        ("Decision DEC-0054 moves the backup.", "DEC0054"),
        ("Decision DEC0054 moves the backup.", "dec-0054"),
        ("The device shows E-1047.", "E1047"),
        ("Rent goes to XX00 1234 0056 7800 9012 00.", "XX00123400567800901200"),
        ("Rent goes to XX00123400567800901200.", "XX00 1234 0056 7800 9012 00"),
        ("The porter has +00 000 123 456.", "+00000123456"),
        ("Use bolts of 10mm.", "10 mm"),
        ("Use bolts of 10 mm.", "10mm"),
        ("All PDFs are scanned.", "PDF"),
        ("Each PDF is scanned.", "pdfs"),
        ("It needs two GPUs.", "GPU"),
        ("It needs a GPU.", "gpus"),
        ("Some LLMs answer.", "llm"),
    ],
)
def test_one_spelling_finds_the_other(text, query):
    assert top_ids(build_index([(1, text), *NOISE]), query)[:1] == [1]


def test_the_longer_release_number_comes_first():
    index = build_index([(1, "Release 2.4.1 breaks login."), (2, "Release 2.4.10 fixes login."),
                         *NOISE])  # fmt: skip
    assert top_ids(index, "release 2.4.10")[0] == 2
    assert top_ids(index, "release 2.4.1")[0] == 1


def test_a_definition_comes_before_the_uses_of_its_name():
    uses = "Parser reads. Parser writes. A Parser is made by Parser; see the class of Parser."
    index = build_index(
        [(1, uses), (2, "class Parser(Base):\n    def run(self): return 1"), *NOISE]
    )
    assert top_ids(index, "class Parser")[0] == 2


def test_the_parts_of_an_identifier_count_as_one_word():
    (word,) = (analyzer_for("en").word_terms("miR7a"),)
    parts = word.alternatives[0]
    assert [term.surface for term in parts] == ["mi", "R", "7", "a"]
    assert sum(term.weight for term in parts) == pytest.approx(1)
    dotted = analyzer_for("en").word_terms("os.path.join").sequence
    assert sum(term.weight for term in dotted) == pytest.approx(1)


def test_a_code_of_thousands_of_groups_is_joined_up_to_the_longest_identifier():
    start = time.process_time()
    joined = joined_spellings("A1 " * 20_000)
    assert joined == ["A1" * count for count in range(2, MAX_JOINED_LENGTH // 2 + 1)]
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("2\u20133 kg", ["2kg", "3kg"]),
        ("2 to 3 kg", ["2kg", "3kg"]),
        ("2024-03-15 kg", ["15kg"]),  # a date and what follows it
        ("1/2-3 kg", ["3kg"]),
    ],
)
def test_both_ends_of_a_range_have_the_sign_of_its_unit(text, joined):
    assert sorted({spelling for _, spelling in unit_matches(text)}) == joined
