"""Splitting worked by hand: every word of up to five letters is one token."""

from __future__ import annotations

import pytest

from ragkit.errors import UsageError
from ragkit.records.documents import Document, Heading, Passage
from ragkit.records.text import embedded_text
from tests.passages.tools import Words, check, markdown, split


def plain(text: str) -> Document:
    return Document(text, "text/plain", lines=True)


def texts(document: Document, size: int, overlap: float = 0.0, window: int = 60) -> list[str]:
    tokenizer = Words(window)
    passages = split(document, tokenizer, size=size, overlap=overlap)
    check(document, passages, tokenizer, int(size * overlap))
    return [passage.text for passage in passages]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \u00a0\u3000\n"])
def test_white_space_alone_gives_no_passage(text: str) -> None:
    assert split(plain(text), Words()) == []


def test_a_short_document_is_one_passage() -> None:
    document = markdown("\n# Leave\n\nAll may go.\n", title="Rules")
    assert split(document, Words()) == [
        Passage(
            start=1,
            end=21,
            text="# Leave\n\nAll may go.",
            heading=("Leave",),
            header="Rules › Leave",
            tokens=9,  # Rules › Leave # Leave All may go .
            page=None,
            start_line=2,
            end_line=4,
        )
    ]


def test_the_header_goes_before_the_text() -> None:
    assert embedded_text("Rules › Leave", "Go.") == "Rules › Leave\nGo."
    assert embedded_text("", "Go.") == "Go."


def test_a_passage_never_crosses_a_heading() -> None:
    document = markdown("Start.\n# A\none\n## B\ntwo\n# C\nthree")
    assert texts(document, 50) == ["Start.", "# A\none", "## B\ntwo", "# C\nthree"]
    paths = [passage.heading for passage in split(document, Words())]
    assert paths == [(), ("A",), ("A", "B"), ("C",)]


def test_a_heading_without_text_joins_the_deeper_one_below() -> None:
    document = markdown("# A\n\n## B\n\n### C\ntext\n## D\n## E\nmore", title="T")
    passages = split(document, Words())
    assert [p.text for p in passages] == ["# A\n\n## B\n\n### C\ntext", "## D", "## E\nmore"]
    assert [p.heading for p in passages] == [("A", "B", "C"), ("A", "D"), ("A", "E")]
    assert [p.header for p in passages] == ["T › C", "T › D", "T › E"]


def test_the_header_names_the_title_and_the_innermost_heading() -> None:
    document = markdown("# Leave\n## Sick\n" + "One two three four. " * 10, title="The  LEAVE ")
    first, second, *_ = split(document, Words(), size=40, overlap=0)
    assert (first.header, second.header) == ("The LEAVE › Sick", "The LEAVE › Sick")
    assert first.heading == second.heading == ("Leave", "Sick")


def test_the_first_heading_replaces_a_title_and_is_not_repeated() -> None:
    text = "# Leave\nYes.\n## Sick\n### Long\n" + "One two three four. " * 10
    for title in (" leave", None):
        headers = [passage.header for passage in split(markdown(text, title), Words(), size=40)]
        assert [header.title() for header in headers[:2]] == ["Leave", "Leave › Long"]


def test_a_long_header_loses_the_title_and_then_words() -> None:
    document = markdown("# One two\nYes.\n## A b c d e f g\n" + "So it is. " * 20, title="T")
    headers = [passage.header for passage in split(document, Words(), size=20)]
    assert headers[:2] == ["T › One two", "A b c d e"]  # five tokens at most
    headers = [passage.header for passage in split(document, Words(), size=12)]
    assert headers[:2] == ["One two", "A b c"]  # three


def test_a_paragraph_is_a_better_boundary_than_a_sentence() -> None:
    document = plain("It is. We go on.\n\nAll of it. So be it now and on. It is the end of it.")
    assert texts(document, 14) == [
        "It is. We go on.",
        "All of it. So be it now and on.",
        "It is the end of it.",
    ]


def test_a_sentence_is_a_better_boundary_than_a_line_and_a_line_than_a_word() -> None:
    assert texts(plain("Go on and on. Ab cd\nef gh ij kl"), 8) == [
        "Go on and on.",
        "Ab cd\nef gh ij kl",
    ]
    assert texts(plain("Ab cd ef gh\nij kl mn op qr"), 8) == ["Ab cd ef gh", "ij kl mn op qr"]
    assert texts(plain("ab cd ef gh ij kl"), 4) == ["ab cd ef", "gh ij kl"]


def test_the_last_two_passages_share_the_rest() -> None:
    document = plain(" ".join(["word"] * 21))
    assert [len(text.split()) for text in texts(document, 20)] == [11, 10]


def test_a_word_over_the_size_is_cut_between_tokens() -> None:
    assert texts(plain("abcdefghijklmnopqrst"), 2) == ["abcdefghij", "klmnopqrst"]


def test_a_lead_in_stays_with_its_list() -> None:
    document = plain(
        "It is so. We take it on and on. You will need:\n\n- salt\n- a pan\n- oil and fat"
    )
    assert texts(document, 20) == [
        "It is so. We take it on and on.",
        "You will need:\n\n- salt\n- a pan\n- oil and fat",
    ]


def test_a_heading_is_not_left_alone() -> None:
    document = markdown("# One two three four\n\n" + "ab cd ef gh ij kl mn op qr st uv wx")
    assert texts(document, 12) == ["# One two three four\n\nab cd ef gh", "ij kl mn op qr st uv wx"]


def test_a_fence_over_the_size_is_not_cut_if_it_fits_the_window() -> None:
    code = "```\n" + "a b c d\n\n" * 6 + "```"  # 30 tokens
    document = markdown(f"One two.\n\n{code}\n\nThree four.")
    assert texts(document, 20, window=40) == [f"One two.\n\n{code}", "Three four."]
    before = "Ab cd ef gh. " * 3 + "So:"
    document = markdown(f"{before}\n\n{code}\n\nThree four.")
    assert texts(document, 20, window=31) == [before, code, "Three four."]


def test_a_fence_over_the_window_is_cut_at_line_ends() -> None:
    rows = [f"a. B c{n}" for n in range(10)]  # 4 tokens each
    document = markdown("\n".join(["```", *rows, "```"]))
    cut = texts(document, 14, overlap=0.2, window=20)
    assert [line for text in cut for line in text.split("\n")] == ["```", *rows, "```"]


def test_the_overlap_starts_at_a_sentence_of_the_same_section() -> None:
    document = markdown("# H\n" + " ".join(f"W{n} is ok." for n in range(8)) + "\n# I\nEnd.")
    assert texts(document, 21, overlap=0.2) == [
        "# H\nW0 is ok. W1 is ok. W2 is ok. W3 is ok.",
        "W3 is ok. W4 is ok. W5 is ok. W6 is ok. W7 is ok.",
        "# I\nEnd.",
    ]


def test_the_overlap_never_starts_in_a_fence() -> None:
    text = "Ab cd ef gh.\n\n>>> it.\n2\n\nIj kl mn op qr st."
    document = Document(text, "text/x-rst", fences=((14, 23),))
    assert texts(document, 12, overlap=0.2) == [
        "Ab cd ef gh.\n\n>>> it.\n2",
        "Ij kl mn op qr st.",
    ]


def test_there_is_no_overlap_if_no_sentence_fits() -> None:
    sentence = "Ab cd ef gh ij kl mn or."
    document = plain(" ".join([sentence] * 4))
    assert texts(document, 20, overlap=0.2) == [f"{sentence} {sentence}"] * 2


def test_the_page_is_that_of_the_start_of_the_passage() -> None:
    text = "One two. Three four. Five six. Seven eight."
    document = Document(text, "application/pdf", pages=(0, 9, 9, 31))
    passages = split(document, Words(), size=7, overlap=0)
    assert [(passage.text, passage.page) for passage in passages] == [
        ("One two. Three four.", 1),
        ("Five six. Seven eight.", 3),
    ]
    assert [(p.start_line, p.end_line) for p in passages] == [(None, None)] * 2


def test_the_size_is_limited_to_the_window() -> None:
    document = plain("word " * 50)
    passages = split(document, Words(10), size=200, overlap=0)
    assert [passage.tokens for passage in passages] == [10] * 5


@pytest.mark.parametrize(
    ("size", "overlap", "message"),
    [(0, 0.1, "0 tokens"), (200, 0.3, "overlap is 0.3"), (200, -0.1, "overlap is -0.1")],
)
def test_an_invalid_size_or_overlap_is_named(size: int, overlap: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(plain("text"), Words(), size=size, overlap=overlap)


def test_passages_over_the_window_when_counted_alone_are_halved() -> None:
    class Starting(Words):
        """Counts ten tokens more for a text alone than inside another text."""

        def count_tokens(self, texts):
            return [tokens + 10 for tokens in super().count_tokens(texts)]

    document = plain("Ab cd ef gh. " * 40)
    passages = split(document, Starting(30), size=30, overlap=0)
    assert max(passage.tokens for passage in passages) <= 30
    assert " ".join(passage.text for passage in passages) == document.text.strip()


def test_an_edit_does_not_change_other_sections() -> None:
    sections = [f"# S{n}\n" + f"Point {n} is made here. " * 30 for n in range(4)]
    before = split(markdown("\n".join(sections), title="T"), Words())
    sections[1] = "# S1\nShort. " + "x" * 700
    after = split(markdown("\n".join(sections), title="T"), Words())
    for name in ("S0", "S2", "S3"):
        unaffected = [
            [(p.header, p.text) for p in cut if p.heading == (name,)] for cut in (before, after)
        ]
        assert unaffected[0] == unaffected[1] != []


def test_a_heading_as_long_as_a_page_is_shortened_in_the_path() -> None:
    text = "word " * 1000
    document = Document(text + "\nbody", "x", headings=(Heading(0, len(text), 1, text),))
    for passage in split(document, Words()):
        assert len(passage.heading[0]) <= 300
        assert passage.tokens <= 60
