"""Bibliographies (BibTeX, RIS, CSL JSON) → one document per entry.

The text of an entry is what a reader looks for: title, authors, where it appeared, abstract,
keywords. `from` (the authors), `date`, `type` and `doi` are metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ragkit.documents.decoding import decode, read_text
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.formats.markup.latex_macros import prepare
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Document

_BIBTEX, _RIS, _CSL = "text/x-bibtex", "text/x-ris", "application/x-csl+json"
_Entry = dict[str, list[str]]  # name of a field → its values
_AT = re.compile(r"@\s{0,9}([A-Za-z]{1,40})\s{0,9}([{(])")
_FIELD = re.compile(r"[^\w{}()@]*+([\w:.+-]{1,60})\s*+=\s*+")
_SIGN = re.compile(r'\\"|[{}"]')
_NEXT_ENTRY = re.compile(r"\n\s{0,99}@\s{0,9}[A-Za-z]{1,40}\s{0,9}[{(]")
_MAX_DEPTH = 100  # of braces in braces; deeper, some have no end
_MAX_VALUE = 1_000_000  # characters of one field
_JOINT = re.compile(r"\s*+#\s*+")
_YEAR = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?")
_KEY = re.compile(r"\s*+([^\n,={}]{0,200})(?=[,}])")
_WORD = re.compile(r"[\w:.+-]{1,200}")
_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_NOT_ENTRIES = frozenset({"comment", "preamble", "string"})
_COMMANDS = re.compile(r"\\[A-Za-z]{1,30}\*?\s?")
_RIS_LINE = re.compile(r"([A-Z][A-Z0-9])  ?- ?(.*)")
# RIS tag → the name of the field in BibTeX.
_RIS_FIELDS = {
    "TI": "title", "T1": "title", "CT": "title", "AU": "author", "A1": "author", "A2": "editor",
    "ED": "editor", "PY": "year", "Y1": "year", "DA": "date", "JO": "journal", "JF": "journal",
    "T2": "journal", "BT": "booktitle", "PB": "publisher", "AB": "abstract", "N2": "abstract",
    "KW": "keywords", "DO": "doi", "UR": "url", "VL": "volume", "IS": "number", "SP": "pages",
    "EP": "pages", "A3": "editor", "T3": "series", "ET": "edition",
    "SN": "isbn", "N1": "note", "ID": "id", "TY": "type", "LA": "language",
}  # fmt: skip
_REPEATED = ("author", "editor", "keywords", "note", "abstract")
_CSL_FIELDS = {
    "title": "title", "container-title": "journal", "publisher": "publisher",
    "subtitle": "subtitle", "collection-title": "series", "edition": "edition",
    "event-title": "eventtitle", "abstract": "abstract", "keyword": "keywords", "DOI": "doi",
    "URL": "url", "volume": "volume", "issue": "number",
    "page": "pages", "note": "note", "language": "language", "ISBN": "isbn", "type": "type",
}  # fmt: skip
_SHOWN = frozenset({"type", "author", "editor", "date", "year", "month", "abstract", "keywords",
                    "note", "annote", "annotation", "doi", "url", "id"})  # fmt: skip
_SOURCE = ("journal", "journaltitle", "booktitle", "eventtitle", "series", "publisher",
           "organization", "school", "institution", "howpublished", "edition", "volume", "number",
           "pages", "eprint")  # fmt: skip


def bibtex_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield each entry of a BibTeX file, named by its key, or by its number from 1 if it has none;
    a file without entries as text.

    Raises `BudgetExceededError` for too many entries.
    """
    entries = list(_bibtex_entries(decode(data).text))
    if not entries:
        yield Member("", document=read_text(data, name))
    for number, (key, entry) in enumerate(entries, 1):
        budget.count_member()
        yield Member(key or str(number), document=_entry_document(entry, _BIBTEX))


def ris_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield each reference of a RIS file, named by its number, from 1.

    Raises `BudgetExceededError` for too many references.
    """
    entries = list(_ris_entries(decode(data).text))
    if not entries:
        yield Member("", document=read_text(data, name))
    for number, entry in enumerate(entries, 1):
        budget.count_member()
        yield Member(str(number), document=_entry_document(entry, _RIS))


def csl_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield each reference of a CSL JSON file, named by its id; other JSON as such.

    Raises `BudgetExceededError` for too many references.
    """
    try:
        items = json.loads(decode(data).text)
    except (ValueError, RecursionError):
        items = None
    known = isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get("type"), str) for item in items
    )
    if not known or not items:
        yield Member("", document=read_json(data, name))
        return
    for number, item in enumerate(items, 1):
        budget.count_member()
        key = item.get("citation-key") or item.get("id")
        yield Member(
            str(key if key and isinstance(key, (str, int)) else number).replace("/", "_"),
            document=_entry_document(_csl_entry(item), _CSL),
        )


def _bibtex_entries(text: str) -> Iterator[tuple[str, _Entry]]:
    """Key and fields of each entry; abbreviations (`@string`) are replaced by their text."""
    strings: dict[str, str] = {}
    position = 0
    while (match := _AT.search(text, position)) is not None:
        kind, position = match[1].lower(), match.end()
        if kind == "string":
            fields, position = _bibtex_fields(text, position, strings)
            strings |= {name: values[0] for name, values in fields.items()}
        elif kind not in _NOT_ENTRIES and (key := _KEY.match(text, position)) is not None:
            fields, position = _bibtex_fields(text, key.end(), strings)
            if fields:
                yield key[1].strip().replace("/", "_"), {"type": [kind], **fields}


def _bibtex_fields(text: str, position: int, strings: Mapping[str, str]) -> tuple[_Entry, int]:
    fields: _Entry = {}
    while (match := _FIELD.match(text, position)) is not None:
        name, position = match[1].lower(), match.end()
        parts: list[str] = []
        while True:
            part, position = _bibtex_value(text, position, strings)
            parts.append(part)
            joint = _JOINT.match(text, position)
            if joint is None:
                break
            position = joint.end()
        value = _plain("".join(parts))
        if name in ("author", "editor"):
            people = [_person(person) for person in value.split(" and ")]
            fields[name] = [person for person in people if person]
        elif value:
            fields[name] = [value]
    return fields, position


def _bibtex_value(text: str, position: int, strings: Mapping[str, str]) -> tuple[str, int]:
    """A value in braces or quotes, a number, or an abbreviation; and where it ends: one that is not
    closed, before the next entry."""
    opening = text[position : position + 1]
    if opening not in ("{", '"'):
        word = _WORD.match(text, position)
        if word is None:
            return "", position
        return strings.get(word[0].lower(), _MONTHS.get(word[0].lower(), word[0])), word.end()
    depth, start = 0, position + 1
    # Braces count behind a backslash too, as in BibTeX.
    for sign in _SIGN.finditer(text, start, min(start + _MAX_VALUE, len(text))):
        if sign[0] == "{":
            depth += 1
        elif sign[0] == "}":
            depth -= 1
        is_end = depth < 0 if opening == "{" else sign[0] == '"' and not depth
        if is_end:
            return text[start : sign.start()], sign.end()
        if depth > _MAX_DEPTH:
            break
    following = _NEXT_ENTRY.search(text, start)
    end = following.start() if following is not None else len(text)
    return text[start:end], end


def _plain(value: str) -> str:
    """A value without TeX: accents as letters, no commands and no braces."""
    if "\\" in value:
        value = _COMMANDS.sub("", prepare(value)).replace("\\", "")
    return " ".join(value.replace("{", "").replace("}", "").replace("~", " ").split())


def _person(name: str) -> str:
    """A name in the order in which it is spoken: "Roe, Jane" → "Jane Roe"."""
    last, _, first = name.partition(",")
    return f"{first.strip()} {last.strip()}".strip()


def _ris_entries(text: str) -> Iterator[_Entry]:
    fields: list[tuple[str, list[str]]] = []  # tag, lines
    for line in text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n"):
        match = _RIS_LINE.match(line)
        if match is not None and match[1] == "ER":
            if entry := _ris_entry(fields):
                yield entry
            fields = []
        elif match is not None and (match[1] in _RIS_FIELDS or line[2:5] == "  -"):
            fields.append((match[1], [match[2]]))
        elif fields:  # long values continue without a tag
            fields[-1][1].append(line)
    if entry := _ris_entry(fields):
        yield entry


def _ris_entry(fields: Iterable[tuple[str, list[str]]]) -> _Entry:
    entry: _Entry = {}
    for tag, lines in fields:
        field = _RIS_FIELDS.get(tag)
        if field is None:
            continue
        values = entry.setdefault(field, [])
        words = lines if field == "keywords" else (" ".join(lines),)
        for value in filter(None, (" ".join(part.split()) for part in words)):
            if tag == "EP" and values:
                values[0] += f"-{value}"
            elif field in _REPEATED or not values:
                values.append(_person(value) if field in ("author", "editor") else value)
    return entry


def _csl_entry(item: dict[str, Any]) -> _Entry:
    entry: _Entry = {}
    for name, field in _CSL_FIELDS.items():
        values = item.get(name)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, (str, int)):
                entry.setdefault(field, []).append(str(value))
    for role in ("author", "editor"):
        people = item.get(role)
        entry[role] = [
            name
            for person in (people if isinstance(people, list) else [])
            if isinstance(person, dict)
            and (name := " ".join(str(person[part]) for part in
                                  ("given", "non-dropping-particle", "family", "literal")
                                  if person.get(part)))
        ]  # fmt: skip
    issued = item.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        known = [str(part) for part in parts[0] if isinstance(part, (int, str))]
        entry["date"] = ["-".join(f"{part:>02}" for part in known)]
    elif isinstance(issued, dict):
        texts = (issued.get(key) for key in ("raw", "literal"))
        entry["date"] = [text for text in texts if isinstance(text, str)]
    return entry


def _entry_document(entry: _Entry, media_type: str) -> Document:
    """The document of an entry; fields have the names of BibTeX."""
    clean = {
        name: [strip_invalid_characters(value) for value in values if value]
        for name, values in entry.items()
    }

    def first(*names: str) -> str:
        return next((clean[name][0] for name in names if clean.get(name)), "")

    people = ", ".join(clean.get("author") or clean.get("editor") or [])
    editors = ", ".join(clean.get("editor", [])) if clean.get("author") else ""
    date = _date(first("date"), first("year"), first("month"))
    words = first("date", "year")
    shown_date = date if _DATE.match(words) else words
    source = ", ".join(dict.fromkeys(value for name in _SOURCE if (value := first(name))))
    keywords = ", ".join(clean.get("keywords", []))
    title = ": ".join(filter(None, (first("title"), first("subtitle"))))
    writer = DocumentWriter()
    writer.add(title)
    writer.add(". ".join(filter(None, (people, source, shown_date))))
    writer.add(f"Editors: {editors}" if editors else "")
    writer.add("\n\n".join(clean.get("abstract", [])))
    writer.add(f"Keywords: {keywords}" if keywords else "")
    for name in ("note", "annote", "annotation"):
        writer.add("\n\n".join(clean.get(name, [])))
    if not title:  # perhaps a damaged entry
        writer.add(
            "\n".join(f"{name}: {first(name)}" for name in clean if name not in {*_SHOWN, *_SOURCE})
        )
    doi, url = first("doi"), first("url")
    writer.add(f"https://doi.org/{doi.removeprefix('https://doi.org/')}" if doi else url)
    metadata = {
        "from": people, "date": date, "type_of_work": first("type").lower(), "doi": doi,
        "tags": keywords, "language": first("language"),
    }  # fmt: skip
    return Document(
        writer.document(media_type).text,
        media_type,
        title=title or None,
        metadata={name: value for name, value in metadata.items() if value},
    )


def _date(date: str, year: str, month: str) -> str:
    """A date as ISO 8601, as far as it is known: "2024-03"; "" if the year is not."""
    match = _DATE.match(date or year) or _YEAR.search(date or year)
    if match is None:
        return ""
    parts = [part for part in match.groups() if part]
    if len(parts) == 1 and month:
        number = _MONTHS.get(month[:3].lower(), month)
        parts += [number] if number.isdecimal() and 1 <= int(number) <= 12 else []
    return "-".join(f"{part:>02}" for part in parts)
