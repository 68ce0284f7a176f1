"""Bibliographies (BibTeX, RIS, CSL JSON) → one document per entry.

The text of an entry is what a reader looks for: title, authors, where it appeared, abstract,
keywords. `from` (the authors), `date`, `type` and `doi` are metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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
_FIELD = re.compile(r"\s*+(?:,\s*+)?([\w:.+-]{1,60})\s*+=\s*+")
_JOINT = re.compile(r"\s*+#\s*+")
_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?")
_KEY = re.compile(r"\s*+([^\s,={}]{1,200})\s*+(?=[,}])")
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
    "SN": "isbn", "N1": "note", "ID": "id", "TY": "type", "LA": "language",
}  # fmt: skip
_CSL_FIELDS = {
    "title": "title", "container-title": "journal", "publisher": "publisher",
    "abstract": "abstract", "keyword": "keywords", "DOI": "doi", "URL": "url", "volume": "volume",
    "issue": "number",
    "page": "pages", "note": "note", "language": "language", "ISBN": "isbn", "type": "type",
}  # fmt: skip
_SOURCE = ("journal", "booktitle", "publisher", "school", "institution", "howpublished", "volume",
           "number", "pages")  # fmt: skip


def bibtex_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield each entry of a BibTeX file, named by its key; a file without entries as text.

    Raises `BudgetExceededError` for too many entries.
    """
    entries = list(_bibtex_entries(decode(data).text))
    if not entries:
        yield Member("", document=read_text(data, name))
    for key, entry in entries:
        budget.count_member()
        yield Member(key, document=_entry_document(entry, _BIBTEX))


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
            str(key if isinstance(key, (str, int)) else number).replace("/", "_"),
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
                yield key[1].replace("/", "_"), {"type": [kind], **fields}


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
    """A value in braces or quotes, a number, or an abbreviation; and where it ends."""
    opening = text[position : position + 1]
    if opening not in ("{", '"'):
        word = _WORD.match(text, position)
        if word is None:
            return "", position
        return strings.get(word[0].lower(), _MONTHS.get(word[0].lower(), word[0])), word.end()
    depth, start = 0, position + 1
    for at in range(start if opening == '"' else position, len(text)):
        char = text[at]
        if char == "\\":
            continue
        if char == "{":
            depth += text[at - 1] != "\\"
        elif char == "}":
            depth -= text[at - 1] != "\\"
            if opening == "{" and depth == 0:
                return text[start:at], at + 1
        elif char == '"' and opening == '"' and depth == 0 and text[at - 1] != "\\":
            return text[start:at], at + 1
    return text[start:], len(text)


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
    entry: _Entry = {}
    for line in text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n"):
        match = _RIS_LINE.match(line)
        if match is None:
            continue
        tag, value = match[1], " ".join(match[2].split())
        if tag == "ER":
            if entry:
                yield entry
            entry = {}
        elif tag in _RIS_FIELDS and value:
            field = _RIS_FIELDS[tag]
            if field in ("author", "editor"):
                value = _person(value)
            values = entry.setdefault(field, [])
            if field in ("author", "editor", "keywords") or not values:
                values.append(value)
    if entry:
        yield entry


def _csl_entry(item: dict[str, Any]) -> _Entry:
    entry: _Entry = {}
    for name, field in _CSL_FIELDS.items():
        if isinstance(item.get(name), (str, int)):
            entry[field] = [str(item[name])]
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
        entry["date"] = ["-".join(f"{part:>02}" for part in map(str, parts[0]))]
    elif isinstance(issued, dict) and isinstance(issued.get("raw"), str):
        entry["date"] = [issued["raw"]]
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
    date = _date(first("date"), first("year"), first("month"))
    source = ", ".join(dict.fromkeys(value for name in _SOURCE if (value := first(name))))
    keywords = ", ".join(clean.get("keywords", []))
    writer = DocumentWriter()
    writer.add(first("title"))
    writer.add(". ".join(filter(None, (people, source, date))))
    writer.add(first("abstract"))
    writer.add(f"Keywords: {keywords}" if keywords else "")
    writer.add(first("note", "annote"))
    doi, url = first("doi"), first("url")
    writer.add(f"https://doi.org/{doi.removeprefix('https://doi.org/')}" if doi else url)
    metadata = {
        "from": people, "date": date, "type_of_work": first("type").lower(), "doi": doi,
        "tags": keywords, "language": first("language"),
    }  # fmt: skip
    return Document(
        writer.document(media_type).text,
        media_type,
        title=first("title") or None,
        metadata={name: value for name, value in metadata.items() if value},
    )


def _date(date: str, year: str, month: str) -> str:
    """A date as ISO 8601, as far as it is known: "2024-03"."""
    match = _DATE.match(date or year)
    if match is None:
        return date or year
    parts = [part for part in match.groups() if part]
    if len(parts) == 1 and month:
        number = _MONTHS.get(month[:3].lower(), month)
        parts += [number] if number.isdecimal() and 1 <= int(number) <= 12 else []
    return "-".join(f"{part:>02}" for part in parts)
