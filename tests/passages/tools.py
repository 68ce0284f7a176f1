"""A tokenizer that can be counted by hand, a small Markdown reader, and the checks that hold for
every split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ragkit.passages.split import split_document
from ragkit.passages.token_offsets import Tokenizer
from ragkit.records.documents import Document, Heading, Passage
from ragkit.records.text import embedded_text
from ragkit.settings import Settings

DEFAULT = Settings()
Spans = list[tuple[int, int]]


class Words:
    """A tokenizer: every punctuation mark and every five letters of a word are a token. As in
    WordPiece, a word of more than 100 letters is one unknown token. `read` is the number of
    characters it was given."""

    def __init__(self, window: int = 60) -> None:
        self.window = window
        self.read = 0

    def token_spans(self, text: str) -> Spans:
        self.read += len(text)
        return self._spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.read += sum(map(len, texts))
        return [len(self._spans(text)) for text in texts]

    @staticmethod
    def _spans(text: str) -> Spans:
        spans: Spans = []
        for match in re.finditer(r"\w+|[^\w\s]", text):
            start, end = match.span()
            step = 5 if end - start <= 100 else end - start
            spans.extend((token, min(token + step, end)) for token in range(start, end, step))
        return spans


def split(
    document: Document,
    tokenizer: Tokenizer,
    *,
    size: int = DEFAULT.passage_tokens,
    overlap: float = DEFAULT.overlap,
) -> list[Passage]:
    """Call `split_document` with the default settings."""
    return split_document(document, tokenizer, size=size, overlap=overlap)


def markdown(text: str, title: str | None = None) -> Document:
    """Parse `#` headings and ``` fences."""
    headings, fences = [], []
    opened = None
    for match in re.finditer(r"[^\n]*\n?", text):
        line, start = match.group().rstrip("\n"), match.start()
        if line.startswith("```") and opened is None:
            opened = start
        elif line.startswith("```") and opened is not None:
            fences.append((opened, start + len(line)))
            opened = None
        elif opened is None and (marks := re.match(r"(#+) ", line)):
            headings.append(
                Heading(start, start + len(line), len(marks[1]), line[marks.end() :].strip())
            )
    return Document(
        text, "text/markdown", title, tuple(headings), tuple(fences), pages=(), lines=True
    )


def check(
    document: Document, passages: list[Passage], tokenizer: Tokenizer, overlap: int = 0
) -> None:
    """Assert what holds for the passages of every document. `overlap` is in tokens."""
    check_offsets(document, passages)
    check_counts(passages, tokenizer)
    check_headings(document, passages)
    check_fences(document, passages, tokenizer)
    check_rows(document, passages, tokenizer)
    repeated = [document.text[after.start : before.end] for before, after in pairwise(passages)]
    assert all(tokens <= overlap for tokens in tokenizer.count_tokens(repeated))


def without_blobs(text: str) -> str:
    """Return `text` with spaces for blobs: what follows the first 100 characters of a word of over
    2,000."""
    rest = re.compile("(?<![A-Za-z0-9+/=_%-])([A-Za-z0-9+/=_%-]{100})([A-Za-z0-9+/=_%-]{1901,})")
    return rest.sub(lambda match: match[1] + " " * len(match[2]), text)


def check_offsets(document: Document, passages: list[Passage]) -> None:
    text, covered = without_blobs(document.text), 0
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text == passage.text.strip() != ""
        assert not text[covered : passage.start].strip()
        assert passage.end > covered
        covered = passage.end
        if document.lines:
            assert passage.start_line == 1 + text[: passage.start].count("\n")
            assert passage.end_line == 1 + text[: passage.end].count("\n")
    assert not text[covered:].strip()
    starts = [passage.start for passage in passages]
    assert starts == sorted(set(starts))


def check_counts(passages: list[Passage], tokenizer: Tokenizer) -> None:
    texts = [embedded_text(passage.header, passage.text) for passage in passages]
    assert [passage.tokens for passage in passages] == tokenizer.count_tokens(texts)
    assert all(passage.tokens <= tokenizer.window or len(passage.text) == 1 for passage in passages)


def check_headings(document: Document, passages: list[Passage]) -> None:
    """Assert that only headings stand before a heading inside a passage."""
    visible = list(document.text)
    for heading in document.headings:
        visible[heading.start : heading.end] = " " * (heading.end - heading.start)
    for passage in passages:
        inside = [h for h in document.headings if passage.start < h.start < passage.end]
        for heading in inside:
            assert not "".join(visible[passage.start : heading.start]).strip()


def check_fences(document: Document, passages: list[Passage], tokenizer: Tokenizer) -> None:
    """Assert that only fences that do not fit the window with their header are cut."""
    for start, end in document.fences:
        code = document.text[start:end].strip()
        for passage in passages:
            if end - len(document.text[start:end].lstrip()) < passage.start < end:
                fence = embedded_text(passage.header, code)
                assert tokenizer.count_tokens([fence])[0] > tokenizer.window


def check_rows(document: Document, passages: list[Passage], tokenizer: Tokenizer) -> None:
    """Assert that only table rows that do not fit the window with their header are cut."""
    text = document.text
    for table in document.tables:
        for match in re.finditer(r"[^\n]+", text[table.start : table.end]):
            start, end = table.start + match.start(), table.start + match.end()
            for passage in passages:
                if end - len(text[start:end].lstrip()) < passage.start < end:
                    row = embedded_text(passage.header, text[start:end].strip())
                    assert tokenizer.count_tokens([row])[0] > tokenizer.window
