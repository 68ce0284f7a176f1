"""Clean strings from files: remove invalid characters, and recognise titles that are no titles.

Programs fill title fields with file names and placeholders; web sites add their own name to the
title of each page. Knows strings only.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_SURROGATE = re.compile("[\ud800-\udfff]")
_SEPARATORS = frozenset("|–—-·:»«›‹/•")
_PLACEHOLDERS = frozenset(
    {
        *("untitled", "unknown", "unknown author", "anonymous", "unspecified", "no title"),
        *("title", "none", "null", "document", "document1", "word document"),
        *("microsoft word document", "powerpoint presentation", "slide 1", "print", "layout 1"),
        *("template", "no slide title", "aucun titre de diapositive", "没有幻灯片标题"),
        *("folie 1", "スライド 1", "幻灯片 1", "diapositive 1", "diapositiva 1"),
    }
)
_PRODUCER = re.compile(r"Microsoft (?:Office )?(?:Word|PowerPoint|Excel) - ", re.IGNORECASE)
_FILE_NAME = re.compile(r"\S{1,200}\.[A-Za-z][A-Za-z0-9]{1,4}")  # "Dokument1.doc", "paper.dvi"


def strip_invalid_characters(text: str) -> str:
    """Return `text` without NUL and lone surrogates, which databases and tokenizers refuse."""
    text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()  # many times as fast as a search
    except UnicodeEncodeError:
        return _SURROGATE.sub("", text)
    return text


def page_title(title: str | None, first_heading: str | None) -> str | None:
    """Return a web page's title, without the site's name if the first heading is the rest of it."""
    title = " ".join((title or "").split())
    if not title or not first_heading or title == first_heading:
        return title or first_heading
    for site in (title.removeprefix(first_heading), title.removesuffix(first_heading)):
        if site != title and _SEPARATORS.intersection((site.strip()[:1], site.strip()[-1:])):
            return first_heading
    return title


def property_title(title: str | None, name: str) -> str | None:
    """Return the title in a file's properties; None if it is a placeholder or a file name."""
    title = _PRODUCER.sub("", " ".join((title or "").split()), count=1)
    stem = PurePosixPath(name).stem.casefold()
    is_useless = (
        not any(map(str.isalnum, title))
        or title.casefold().strip("()<>[]") in _PLACEHOLDERS
        or title.casefold() == stem
        or _FILE_NAME.fullmatch(title) is not None
    )
    return None if is_useless else title


_IMAGE_FILE = re.compile(
    r"\S{1,200}\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?|emf|wmf)\b", re.IGNORECASE
)
_GENERATED_DESCRIPTION = re.compile(
    r"(?:Description automatically generated|AI-generated content may be incorrect\.?)"
    r"(?: with (?:low|medium|high|very low|very high) confidence)?",
    re.IGNORECASE,
)
_MIN_DESCRIPTION_WORDS = 2  # a single word names an icon or a logo


def image_description(text: str | None) -> str:
    """Return the alternative text of an image; "" if it only names an icon or a file."""
    text = _GENERATED_DESCRIPTION.sub("", " ".join((text or "").split())).strip()
    return "" if len(text.split()) < _MIN_DESCRIPTION_WORDS or _IMAGE_FILE.search(text) else text
