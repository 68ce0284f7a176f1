"""Lines of PDF pages → text: running lines left out, words mended, paragraphs told from lines.

Works on what any PDF library gives: lines with the height of their baseline and the size of their
letters. Knows no PDFium and no files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.documents.decoding import without_controls
from ragkit.records.documents import Heading

# PDFium puts one of these for a hyphen that ends a line and drops the line break behind it.
SOFT_HYPHEN = "\x02"
_SOFT_HYPHEN = re.compile("[\x02\xad\ufffe]\n?")
_LONGEST_PART = 40  # characters of a word on one line
_TAIL, _HEAD = re.compile(r"[\w-]{1,40}\Z"), re.compile(r"\w{1,40}")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_WRAPPED = 30  # characters; a shorter line may well be no line of running text
_PARAGRAPH_GAP = 1.3  # times the usual distance of two lines
_CLOSEST, _FURTHEST = 0.9, 3.0  # distances of lines, in sizes of their letters
_FREQUENT = 0.2  # of the most frequent distance
_ENDS = ".!?:。！？：؟…"
_CLOSING = "\"'”’»)]"

_EDGE = 2  # lines at the top or bottom of a page that may be running heads or feet
_LONGEST_RUNNING = 150  # characters
_FEWEST_PAGES = 3
_SHARE = 1 / 3  # of the pages: left and right pages may have different ones
_NUMBERING = frozenset(
    {"page", "pages", "p", "of", "seite", "s", "von", "página", "pagina", "de", "sur", "di"}
)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; `y` (of its baseline, upwards) and `size` in points, 0 where unknown."""

    text: str
    y: float = 0.0
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the outline: a heading and the page it is on."""

    level: int  # 1 is the highest
    text: str
    page: int  # from 0


def mended(text: str) -> str:
    """One line with whole letters. The mark of a parted word stays for `joined_words`."""
    text = text.strip()
    if text.isascii() and text.isprintable():
        return text
    text = _SOFT_HYPHEN.sub(SOFT_HYPHEN, without_controls(text).replace("\r", " "))
    return text.translate(_LIGATURES).strip()


def running_lines(pages: Sequence[Sequence[Line]]) -> dict[int, set[int]]:
    """Page → indices of its running heads and feet: lines that many pages have at the same
    place, alike but for a number that counts with the pages.

    What stands on fewer than three pages, or on less than a third of them, is never among them;
    nor is the first of lines that say more than the page's number: no words are lost.
    """
    found: dict[tuple[int, str], list[tuple[int, int, tuple[int, ...]]]] = defaultdict(list)
    for page, lines in enumerate(pages):
        for place in {*range(_EDGE), *range(-_EDGE, 0)}:
            if -len(lines) <= place < len(lines):
                text = " ".join(lines[place].text.split())
                if text and len(text) <= _LONGEST_RUNNING:
                    numbers = tuple(int(number[:9]) for number in _NUMBER.findall(text))
                    key = (place, _NUMBER.sub("#", text).casefold())
                    found[key].append((page, place % len(lines), numbers))
    least = max(_FEWEST_PAGES, _SHARE * len(pages))
    running: dict[int, set[int]] = defaultdict(set)
    for (_, text), places in found.items():
        counting = list(_counting(places, least))
        worded = not _NUMBERING.issuperset(re.findall(r"[^\W\d_]+", text))
        for page, index in counting[worded:]:
            running[page].add(index)
    return running


def _counting(
    places: Sequence[tuple[int, int, tuple[int, ...]]], least: float
) -> Iterator[tuple[int, int]]:
    """Those of lines that are alike whose numbers stay the same or count with the pages."""
    shifts = Counter(
        (index, counts, number - counts * page)
        for page, _, numbers in places
        for index, number in enumerate(numbers)
        for counts in (0, 1)
    )
    for page, line, numbers in places:
        explained = (
            max(shifts[index, 0, number], shifts[index, 1, number - page]) >= least
            for index, number in enumerate(numbers)
        )
        if len(places) >= least and all(explained):
            yield page, line


def joined_words(texts: Iterable[str]) -> list[str]:
    """The texts with the words whole that a line's end has parted. A hyphen stays where the
    document writes the word with one elsewhere, and never without ("state-of-the-art")."""
    pieces = [text.split(SOFT_HYPHEN) for text in texts]
    parted = {_ends(*pair) for text in pieces for pair in pairwise(text)}
    whole = "\n".join(map(SOFT_HYPHEN.join, pieces)).casefold() if parted else ""
    hyphened = {
        (left, right)
        for left, right in parted
        if left and right and f"{left}-{right}" in whole and f"{left}{right}" not in whole
    }
    return [
        text[0]
        + "".join(
            ("-" if _ends(left, right) in hyphened else "") + right
            for left, right in pairwise(text)
        )
        for text in pieces
    ]


def _ends(left: str, right: str) -> tuple[str, str]:
    """The two parts of a word that was parted between `left` and `right`, in small letters."""
    tail, head = _TAIL.search(left[-_LONGEST_PART:]), _HEAD.match(right)
    return tail.group().casefold() if tail else "", head.group().casefold() if head else ""


def usual_distance(pages: Iterable[Sequence[Line]]) -> float:
    """The distance of two lines of one paragraph in sizes of their letters: the smallest that is
    not rare; 0 where unknown."""
    gaps = Counter(
        round((above.y - below.y) / below.size, 1)
        for lines in pages
        for above, below in pairwise(lines)
        if below.size and _CLOSEST < (above.y - below.y) / below.size < _FURTHEST
    )
    most = max(gaps.values(), default=0)
    return min((gap for gap, count in gaps.items() if count >= _FREQUENT * most), default=0.0)


def page_text(lines: Sequence[Line], distance: float) -> str:
    """The lines of a page with blank lines between paragraphs, one space where a sentence surely
    runs on, a newline elsewhere. `distance` in sizes of the letters."""
    parts: list[str] = []
    above: Line | None = None
    for line in lines:
        if not line.text:
            continue
        if above is not None:
            if _apart(above, line, distance):
                parts.append("\n\n")
            else:
                parts.append(" " if _continues(above.text, line.text) else "\n")
        parts.append(line.text)
        above = line
    return "".join(parts)


def _apart(above: Line, line: Line, distance: float) -> bool:
    """Whether a paragraph ends between two lines: more room than usual, or other letters."""
    if not distance or not above.size or not line.size:
        return False
    if above.y <= line.y:  # another column, or a raised sign
        return line.y - above.y > line.size and above.text.rstrip(_CLOSING)[-1:] in tuple(_ENDS)
    if not 0.8 < above.size / line.size < 1.25 and min(len(above.text), len(line.text)) > 3:
        return True
    return above.y - line.y > _PARAGRAPH_GAP * distance * (above.size + line.size) / 2


def _continues(line: str, following: str) -> bool:
    """Whether a sentence surely runs on: only then is a line break safe to drop.

    Code, tables and lists also begin lines in lower case, but seldom below a long line that ends
    in a letter or a comma.
    """
    return (
        len(line) >= _WRAPPED
        and (line[-1].isalpha() or line[-1] in ",–—")
        and following[:1].islower()
        and line.count(" ") >= 3
    )


def joined_pages(texts: Sequence[str]) -> tuple[str, list[int]]:
    """All pages as one text, and where each starts: a blank line between two, a newline alone
    where a paragraph runs over the page's end."""
    parts: list[str] = []
    pages: list[int] = []
    at = 0
    for index, text in enumerate(texts):
        pages.append(at)
        following = texts[index + 1] if index + 1 < len(texts) else ""
        gap = "\n" if _runs_over(text, following) else "\n\n"
        parts += [text, gap]
        at += len(text) + len(gap)
    return "".join(parts[:-1]), pages


def _runs_over(text: str, following: str) -> bool:
    """Whether a paragraph goes on from one page to the next."""
    last = text.rpartition("\n")[2].rstrip(_CLOSING)
    return (
        len(last) >= _WRAPPED
        and last[-1] not in _ENDS
        and (following[:1].islower() or last[-1].islower() or last[-1] in ",;–—-")
        and following[:1].isalnum()
    )


def headings(text: str, pages: Sequence[int], outline: Sequence[Entry]) -> list[Heading]:
    """The outline's entries that stand in the text as lines of their own, in text order.

    An entry is looked for on its page from the entry before it on; one that is not there (a
    figure, a heading set as an image) is no heading.
    """
    found: list[Heading] = []
    at = 0
    for entry in outline:
        words = [re.escape(word) for word in entry.text.split()]
        if not words or len(words) > _MOST_WORDS or not 0 <= entry.page < len(pages):
            continue
        page_end = pages[entry.page + 1] if entry.page + 1 < len(pages) else len(text)
        line = re.compile(rf"^[ \t]*{_LEAD}{_GAP.join(words)}[ \t]*$", re.MULTILINE | re.IGNORECASE)
        match = line.search(text, max(at, pages[entry.page]), page_end)
        if match is not None:
            start = match.end() - len(match.group().lstrip())
            found.append(Heading(start, match.end(), entry.level, " ".join(entry.text.split())))
            at = match.end()
    return found


def by_size(pages: Sequence[Sequence[Line]]) -> list[Entry]:
    """What an outline would name, told by the size of its letters: lines that are larger than the
    text, few, short, and in words. [] where much of the text is large, as on slides.
    """
    letters: Counter[float] = Counter()
    for line in (line for lines in pages for line in lines):
        letters[_rounded(line.size)] += len(line.text)
    letters.pop(0.0, None)
    if not letters:
        return []
    usual, _ = letters.most_common(1)[0]
    large = sorted((size for size in letters if size >= _LARGER * usual), reverse=True)
    if sum(letters[size] for size in large) > _MOST_LARGE * sum(letters.values()):
        return []
    levels = {size: min(level, _LEVELS) for level, size in enumerate(large, 1)}
    return [
        Entry(levels[_rounded(line.size)], line.text, page)
        for page, lines in enumerate(pages)
        for line in lines
        if _rounded(line.size) in levels and _is_heading(line.text)
    ]


def _is_heading(text: str) -> bool:
    wordy = 2 * sum(map(str.isalpha, text)) > len(text) > 2
    return wordy and len(text) <= _LONGEST_HEADING and text[-1] not in ".,;" and text.count("|") < 2


def _rounded(size: float) -> float:
    return round(2 * size) / 2


_LARGER = 1.15  # times the letters of the text
_MOST_LARGE = 0.15  # of all letters; more is no set of headings
_LEVELS = 4
_LONGEST_HEADING = 120  # characters
_MOST_WORDS = 60  # of a heading
_GAP = r"[ \n]{1,3}"  # a heading may take two lines
_LEAD = r"(?:\d{1,3}(?:\.\d{1,3}){0,4}\.?[ \n]{1,3})?"  # outlines often leave the number out
