"""Lines of PDF pages → text: removes running heads, rejoins hyphenated words, finds paragraphs.

Works on lines with the height of their baseline and their font size, which any PDF library gives.
Knows no PDFium and no files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Heading

# PDFium writes one of these for a hyphen at the end of a line, and drops the line break after it.
SOFT_HYPHEN = "\x02"
_SOFT_HYPHEN = re.compile("[\x02\xad\ufffe]\n?")
_MAX_PART_LENGTH = 40  # characters of a hyphenated word on one line
_TAIL, _HEAD = re.compile(r"[\w-]{1,40}\Z"), re.compile(r"\w{1,40}")
# Short words inside of compounds: state-of-the-art. Words are not hyphenated behind them.
_COMPOUND_WORDS = frozenset("a and as at by for in of on or out the to up with".split())  # noqa: SIM905
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_LIGATURE = re.compile("[ﬀ-ﬆ]")
_MIN_WRAPPED_LENGTH = 30  # characters; a shorter line may not be running text
_PARAGRAPH_GAP = 1.3  # times the usual line spacing
_MIN_SPACING, _MAX_SPACING = 0.9, 3.0  # of lines, in font sizes
_FREQUENT = 0.2  # of the count of the most frequent spacing
_SENTENCE_ENDS = ".!?:。！？：؟…"
_CLOSING = "\"'”’»)]"

_EDGE_LINES = 2  # at the top and bottom of a page, that may be running heads or feet
_MAX_RUNNING_LENGTH = 150  # characters
_MIN_RUNNING_PAGES = 3
_MIN_RUNNING_SHARE = 1 / 3  # of the pages: left and right pages may have different ones
_PAGE_NUMBER_WORDS = frozenset(
    {"page", "pages", "p", "of", "seite", "s", "von", "página", "pagina", "de", "sur", "di"}
)
_NUMBER = re.compile(r"\d+")

_MIN_HEADING_RATIO = 1.15  # of a heading's font size to the text's
_MAX_LARGE_SHARE = 0.15  # of all characters; more large text is no set of headings
_MAX_LEVEL = 4
_MAX_HEADING_LENGTH = 120  # characters
_MAX_HEADING_WORDS = 60
_WORD_GAP = r"[ \n]{1,3}"  # a heading may take two lines
# Outlines often leave out the number of a heading.
_NUMBER_PREFIX = r"(?:\d{1,3}(?:\.\d{1,3}){0,4}\.?[ \n]{1,3})?"


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of a page; `y` (of its baseline, upwards) and font `size` in points, 0 if unknown."""

    text: str
    y: float = 0.0
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """An entry of a PDF's outline: a heading and its page."""

    level: int  # 1 is the highest
    text: str
    page: int  # from 0


def clean_line(text: str) -> str:
    """Return one line without ligatures and invalid characters. A soft hyphen at its end becomes
    `SOFT_HYPHEN`, for `rejoin_hyphenated_words`."""
    text = text.strip()
    if text.isascii() and text.isprintable():
        return text
    text = _SOFT_HYPHEN.sub(SOFT_HYPHEN, strip_invalid_characters(text).replace("\r", " "))
    if _LIGATURE.search(text):
        text = text.translate(_LIGATURES)
    return text.strip()


def find_running_lines(pages: Sequence[Sequence[PageLine]]) -> dict[int, set[int]]:
    """Return page → indices of its running heads and feet: lines at the same position of many
    pages, equal except for a number that counts with the pages.

    Lines on fewer than three pages, or on less than a third of them, never count; the first of
    lines with more words than a page number stays, so no words are lost.
    """
    candidates: dict[tuple[int, str], list[tuple[int, int, tuple[int, ...]]]] = defaultdict(list)
    for page, lines in enumerate(pages):
        for position in {*range(_EDGE_LINES), *range(-_EDGE_LINES, 0)}:
            if -len(lines) <= position < len(lines):
                text = " ".join(lines[position].text.split())
                if text and len(text) <= _MAX_RUNNING_LENGTH:
                    numbers = tuple(int(number[:9]) for number in _NUMBER.findall(text))
                    key = (position, _NUMBER.sub("#", text).casefold())
                    candidates[key].append((page, position % len(lines), numbers))
    min_pages = max(_MIN_RUNNING_PAGES, _MIN_RUNNING_SHARE * len(pages))
    running: dict[int, set[int]] = defaultdict(set)
    for (_, text), occurrences in candidates.items():
        if len(occurrences) < min_pages:
            continue
        counting = list(_select_counting(occurrences, min_pages))
        has_words = not _PAGE_NUMBER_WORDS.issuperset(re.findall(r"[^\W\d_]+", text))
        for page, index in counting[has_words:]:
            running[page].add(index)
    return running


def _select_counting(
    occurrences: Sequence[tuple[int, int, tuple[int, ...]]], min_pages: float
) -> Iterator[tuple[int, int]]:
    """(page, line) of those occurrences whose numbers are constant or count with the pages."""
    shifts = Counter(
        (index, counts, number - counts * page)
        for page, _, numbers in occurrences
        for index, number in enumerate(numbers)
        for counts in (0, 1)
    )
    for page, line, numbers in occurrences:
        is_regular = (
            max(shifts[index, 0, number], shifts[index, 1, number - page]) >= min_pages
            for index, number in enumerate(numbers)
        )
        if all(is_regular):
            yield page, line


def rejoin_hyphenated_words(texts: Iterable[str]) -> list[str]:
    """Return the texts of pages with words rejoined that are hyphenated at the end of a line.

    The hyphen stays if it belongs to the word: in part numbers ("NX-2040"), in compounds of several
    words ("state-of-the-art"), and if the document elsewhere writes the word with it and never
    without.
    """
    pieces = [text.split(SOFT_HYPHEN) for text in texts]
    divided = {_word_parts(*pair) for text in pieces for pair in pairwise(text)}
    document = "\n".join(map(SOFT_HYPHEN.join, pieces)).casefold() if divided else ""
    with_hyphen = {
        (left, right)
        for left, right in divided
        if left and right and f"{left}-{right}" in document and f"{left}{right}" not in document
    }
    return [
        text[0]
        + "".join(
            ("-" if _keeps_hyphen(left, right) or _word_parts(left, right) in with_hyphen else "")
            + right
            for left, right in pairwise(text)
        )
        for text in pieces
    ]


def _keeps_hyphen(left: str, right: str) -> bool:
    """Whether a hyphen at the end of a line belongs to the word, by the word alone."""
    tail, head = _TAIL.search(left[-_MAX_PART_LENGTH:]), _HEAD.match(right)
    if tail is None or head is None:
        return False
    before, after = tail.group(), head.group()
    last = before.rpartition("-")[2]
    if after[0].isdigit() or (last and last[-1].isdigit()):
        return True
    if len(last) > 1 and last.isupper() and not after.isupper():  # PDF-Datei
        return True
    goes_on = right[len(after) : len(after) + 1] == "-"
    return "-" in before and (goes_on or last.casefold() in _COMPOUND_WORDS)


def _word_parts(left: str, right: str) -> tuple[str, str]:
    """The two parts of the word that is divided between `left` and `right`, in lower case."""
    tail, head = _TAIL.search(left[-_MAX_PART_LENGTH:]), _HEAD.match(right)
    return tail.group().casefold() if tail else "", head.group().casefold() if head else ""


def usual_line_spacing(pages: Iterable[Sequence[PageLine]]) -> float:
    """Return the distance of two lines of one paragraph, in font sizes: the smallest that is not
    rare; 0 if unknown."""
    spacings = Counter(
        round((above.y - below.y) / below.size, 1)
        for lines in pages
        for above, below in pairwise(lines)
        if below.size and _MIN_SPACING < (above.y - below.y) / below.size < _MAX_SPACING
    )
    min_count = _FREQUENT * max(spacings.values(), default=0)
    return min((spacing for spacing, count in spacings.items() if count >= min_count), default=0.0)


def join_lines(lines: Sequence[PageLine], spacing: float) -> str:
    """Join the lines of a page: a blank line between paragraphs, a space where a sentence surely
    continues, a newline elsewhere. `spacing`: the usual line spacing in font sizes."""
    parts: list[str] = []
    above: PageLine | None = None
    for line in lines:
        if not line.text:
            continue
        if above is not None:
            if _ends_paragraph(above, line, spacing):
                parts.append("\n\n")
            else:
                parts.append(" " if _continues(above.text, line.text) else "\n")
        parts.append(line.text)
        above = line
    return "".join(parts)


def _ends_paragraph(above: PageLine, line: PageLine, spacing: float) -> bool:
    """Whether a paragraph ends between two lines: a wider gap than usual, or another font size."""
    if not spacing or not above.size or not line.size:
        return False
    if above.y <= line.y:  # another column, or a superscript
        return line.y - above.y > line.size and above.text.rstrip(_CLOSING)[-1:] in tuple(
            _SENTENCE_ENDS
        )
    if not 0.8 < above.size / line.size < 1.25 and min(len(above.text), len(line.text)) > 3:
        return True
    return above.y - line.y > _PARAGRAPH_GAP * spacing * (above.size + line.size) / 2


def _continues(line: str, following: str) -> bool:
    """Whether a sentence surely continues on the following line, so that the line break can go.

    Lines of code, tables and lists also begin in lower case, but seldom below a long line that
    ends in a letter or a comma.
    """
    return (
        len(line) >= _MIN_WRAPPED_LENGTH
        and (line[-1].isalpha() or line[-1] in ",–—")
        and following[:1].islower()
        and line.count(" ") >= 3
    )


def join_pages(texts: Sequence[str]) -> tuple[str, list[int]]:
    """Return all pages as one text, and the offset of each page.

    A blank line separates two pages; a single newline, if a paragraph continues on the next page.
    """
    parts: list[str] = []
    offsets: list[int] = []
    offset = 0
    for index, text in enumerate(texts):
        offsets.append(offset)
        following = texts[index + 1] if index + 1 < len(texts) else ""
        separator = "\n" if _continues_on_next_page(text, following) else "\n\n"
        parts += [text, separator]
        offset += len(text) + len(separator)
    return "".join(parts[:-1]), offsets


def _continues_on_next_page(text: str, following: str) -> bool:
    last = text.rpartition("\n")[2].rstrip(_CLOSING)
    return (
        len(last) >= _MIN_WRAPPED_LENGTH
        and last[-1] not in _SENTENCE_ENDS
        and (following[:1].islower() or last[-1].islower() or last[-1] in ",;–—-")
        and following[:1].isalnum()
    )


def locate_headings(
    text: str, pages: Sequence[int], outline: Sequence[OutlineEntry]
) -> list[Heading]:
    """Return the outline's entries that are lines of their own in the text, in text order.

    `pages`: the offset of each page. An entry is searched on its page, after the previous entry;
    one that is not found (a figure, a heading set as an image) is left out.
    """
    headings: list[Heading] = []
    offset = 0
    for entry in outline:
        words = [re.escape(word) for word in entry.text.split()]
        if not words or len(words) > _MAX_HEADING_WORDS or not 0 <= entry.page < len(pages):
            continue
        page_end = pages[entry.page + 1] if entry.page + 1 < len(pages) else len(text)
        pattern = rf"^[ \t]*{_NUMBER_PREFIX}{_WORD_GAP.join(words)}[ \t]*$"
        line = re.compile(pattern, re.MULTILINE | re.IGNORECASE)
        match = line.search(text, max(offset, pages[entry.page]), page_end)
        if match is not None:
            start = match.end() - len(match.group().lstrip())
            heading = " ".join(entry.text.split())
            headings.append(Heading(start, match.end(), entry.level, heading))
            offset = match.end()
    return headings


def outline_by_font_size(pages: Sequence[Sequence[PageLine]]) -> list[OutlineEntry]:
    """Derive an outline from font sizes: lines that are larger than the text, few, short, and
    consist of words. [] if much of the text is large, as on slides."""
    characters: Counter[float] = Counter()  # by font size
    for line in (line for lines in pages for line in lines):
        characters[_rounded(line.size)] += len(line.text)
    characters.pop(0.0, None)
    if not characters:
        return []
    usual, _ = characters.most_common(1)[0]
    min_size = _MIN_HEADING_RATIO * usual
    large = sorted((size for size in characters if size >= min_size), reverse=True)
    if sum(characters[size] for size in large) > _MAX_LARGE_SHARE * sum(characters.values()):
        return []
    levels = {size: min(level, _MAX_LEVEL) for level, size in enumerate(large, 1)}
    return [
        OutlineEntry(levels[_rounded(line.size)], line.text, page)
        for page, lines in enumerate(pages)
        for line in lines
        if _rounded(line.size) in levels and _is_heading(line.text)
    ]


def _is_heading(text: str) -> bool:
    has_words = 2 * sum(map(str.isalpha, text)) > len(text) > 2
    is_short = len(text) <= _MAX_HEADING_LENGTH
    return has_words and is_short and text[-1] not in ".,;" and text.count("|") < 2


def _rounded(size: float) -> float:
    return round(2 * size) / 2
