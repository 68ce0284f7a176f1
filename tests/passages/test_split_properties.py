"""Properties of the passages of any document; `check` in tools.py holds most of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragkit.records.documents import Document
from tests.passages.tools import Words, check, markdown, split

WORDS = "a is the plan word letters encyclopaedia e.g. Dr. 3.14 – end. Is? so: …"
words = st.sampled_from(WORDS.split())
sentences = st.lists(words, min_size=1, max_size=25).map(" ".join)
headings = st.tuples(st.integers(1, 4), st.lists(words, max_size=6)).map(
    lambda heading: "#" * heading[0] + " " + " ".join(heading[1])
)
fences = st.lists(sentences | st.just(""), max_size=8).map(
    lambda lines: "\n".join(["```", *lines, "```"])
)
blocks = st.one_of(sentences, sentences, headings, fences, sentences.map("- {}".format))
documents = st.builds(
    lambda parts, gap, title: markdown(gap.join(parts), title),
    st.lists(blocks, max_size=25),
    st.sampled_from(["\n", "\n\n", "\n \n\n"]),
    st.none() | sentences,
)

# Scripts, joiners, white space and control characters that text tools often handle wrongly.
ODD = (
    "aZé漢字。ひأب؟हि।한글ไท😀👍🏽"
    "\u200d\ufe0f\u0301\u00a0\u200b\ufeff\u2028\u0085\x0b\x1c\x01\x7f\t\n .!?-|:#`"
)
odd_texts = st.text(alphabet=ODD, max_size=400) | st.text(max_size=200) | st.builds(
    "{}{}{}".format,
    st.text(alphabet=ODD, max_size=40),
    st.builds(str.__mul__, st.text(alphabet=ODD, min_size=1, max_size=3), st.integers(1, 2000)),
    st.text(alphabet=ODD, max_size=40),
)  # fmt: skip


@given(documents, st.integers(4, 60), st.sampled_from([0.0, 0.1, 0.2]))
@example(markdown("## a Dr.\nplan plan plan plan a Dr.", "a"), 7, 0.2)  # cut after the first "p"
def test_passages_of_any_document_keep_to_the_size(
    document: Document, size: int, overlap: float
) -> None:
    """Two exceptions: a fence that fits the window is not cut; and a passage that begins inside a
    token holds the rest of that token, which packing does not count, so it may have one token
    more. (The packer cuts between two characters only if a span of a few tokens has no room for a
    word after the heading or the repeated text.)"""
    tokenizer = Words(60)
    passages = split(document, tokenizer, size=size, overlap=overlap)
    check(document, passages, tokenizer, int(size * overlap))
    assert passages == split(document, Words(60), size=size, overlap=overlap)
    token_starts = {start for start, _ in tokenizer.token_spans(document.text)}
    for passage in passages:
        has_fence = any(passage.start <= a and b <= passage.end for a, b in document.fences)
        rest_of_token = 0 if passage.start in token_starts else 1
        assert passage.tokens <= size + size // 10 + rest_of_token or has_fence


@given(odd_texts, st.integers(1, 60), st.integers(1, 60))
def test_passages_of_any_text_are_bounded(text: str, size: int, window: int) -> None:
    tokenizer = Words(window)
    document = Document(text, "text/plain", lines=True)
    passages = split(document, tokenizer, size=size)
    check(document, passages, tokenizer, int(min(size, window) * 0.15))
    assert all(len(passage.text) <= 16 * max(size, 1) for passage in passages)


@given(st.lists(sentences, min_size=2, max_size=6), st.data())
def test_an_edit_changes_only_the_passages_of_its_section(
    bodies: list[str], data: st.DataObject
) -> None:
    edited = data.draw(st.integers(0, len(bodies) - 1))
    replaced = [*bodies]
    replaced[edited] = data.draw(sentences)

    def unaffected_passages(texts: list[str]) -> list[tuple[str, str]]:
        text = "\n".join(f"# S{number}\n{text}" for number, text in enumerate(texts))
        passages = split(markdown(text), Words(), size=15)
        return [(p.header, p.text) for p in passages if p.heading != (f"S{edited}",)]

    assert unaffected_passages(bodies) == unaffected_passages(replaced)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_sizes_of_a_few_tokens(size: int) -> None:
    document = markdown("# One two\nAb cd. Ef gh.\n\n```\na b\n```\n", title="Three")
    for window in (1, 2, 5, 60):
        check(document, split(document, Words(window), size=size), Words(window))
