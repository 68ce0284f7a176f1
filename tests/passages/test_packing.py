"""Packing of one section: sizes, equal parts, fences, overlap."""

from ragkit.passages.sections import find_sections
from ragkit.passages.split import PassageLimits, pack_section, split_in_half
from ragkit.records.documents import Document
from tests.passages.tools import Words

SENTENCES = " ".join(["One two three four."] * 12)  # five tokens each


def pack(document, size, overlap=0, window=60):
    (section,) = find_sections(document, Words(), size // 4)
    limits = PassageLimits(size, window, overlap)
    spans = pack_section(document.text, section, Words(), limits)
    return [document.text[start:end] for start, end in spans]


def test_a_section_that_fits_is_one_span():
    assert pack(Document("One two. Three.", "text/plain"), 20) == ["One two. Three."]


def test_a_longer_section_is_cut_between_sentences_into_equal_parts():
    parts = pack(Document(SENTENCES, "text/plain"), 25)
    assert [len(Words().token_spans(part)) for part in parts] == [20, 20, 20]
    assert all(part.endswith("four.") for part in parts)
    assert " ".join(parts) == SENTENCES


def test_overlap_repeats_whole_sentences():
    parts = pack(Document(SENTENCES, "text/plain"), 25, overlap=5)
    assert len(parts) > 2
    assert all(part.startswith("One two three four.") for part in parts)
    assert sum(len(Words().token_spans(part)) for part in parts) == 60 + 5 * (len(parts) - 1)


def test_a_fence_that_fits_the_window_is_not_cut():
    code = "```\n" + "a b c d\n" * 8 + "```"
    text = f"One two three.\n\n{code}\n\nFour five six."
    start = text.index("```")
    document = Document(text, "text/markdown", fences=((start, start + len(code)),))
    parts = pack(document, 20)
    assert sum(code in part for part in parts) == 1


def test_half_of_a_span_ends_at_the_boundary_nearest_to_the_middle():
    text = "One two three. Four five six."
    assert split_in_half(text, 0, len(text)) == [(0, 14), (15, 29)]


def test_a_word_is_cut_in_the_middle_if_there_is_no_boundary():
    assert split_in_half("abcdefgh", 0, 8) == [(0, 4), (4, 8)]
