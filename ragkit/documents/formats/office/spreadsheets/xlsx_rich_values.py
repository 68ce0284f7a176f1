"""Pictures in cells: their descriptions, which Excel keeps apart from the sheet.

A cell with a picture stores "#VALUE!" for older programs and the number of its value metadata,
which leads to a rich value with the picture's alternative text ([MS-XLSX] 2.6, rich data).
"""

from __future__ import annotations

from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently

_METADATA = "xl/metadata.xml"
_VALUES = "xl/richData/rdrichvalue.xml"
_STRUCTURES = "xl/richData/rdrichvaluestructure.xml"
_WITHOUT_DESCRIPTION = "[picture]"


def read_cell_pictures(package: ZipPackage) -> list[str]:
    """Return the text of each rich value, by the number of its metadata, from 1.

    "" for values that are no pictures; [] if the workbook has none.
    """
    if not {_METADATA, _VALUES, _STRUCTURES} <= package.names:
        return []
    descriptions = _descriptions(package)
    rich_values, metadata = _value_numbers(package)
    numbers = [rich_values[at] if at < len(rich_values) else -1 for at in metadata]
    return [descriptions[at] if 0 <= at < len(descriptions) else "" for at in numbers]


def _descriptions(package: ZipPackage) -> list[str]:
    """Return the description of each rich value."""
    structures: list[tuple[str, list[str]]] = []  # type, names of the fields

    def start_structure(tag: str, attributes: Attributes) -> None:
        if tag == "s":
            structures.append((attributes.get("t", ""), []))
        elif tag == "k" and structures:
            structures[-1][1].append(attributes.get("n", ""))

    parse_xml_leniently(package, _STRUCTURES, start_structure)
    values: list[tuple[int, list[str]]] = []  # structure, fields
    pieces: list[str] = []

    def start_value(tag: str, attributes: Attributes) -> None:
        pieces.clear()
        if tag == "rv":
            values.append((_number(attributes.get("s")), []))

    def end_value(tag: str) -> None:
        if tag == "v" and values:
            values[-1][1].append("".join(pieces))

    parse_xml_leniently(package, _VALUES, start_value, end_value, pieces.append)
    descriptions = []
    for structure, fields in values:
        kind, names = structures[structure] if 0 <= structure < len(structures) else ("", [])
        named = dict(zip(names, fields, strict=False))
        is_picture = "Image" in kind or "image" in kind
        text = " ".join(named.get("Text", "").split())
        descriptions.append(text or _WITHOUT_DESCRIPTION if is_picture else "")
    return descriptions


def _value_numbers(package: ZipPackage) -> tuple[list[int], list[int]]:
    """Return the rich value of each future metadata block, and the block of each value metadata."""
    rich_values: list[int] = []
    metadata: list[int] = []
    in_values = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal in_values
        if tag == "x:valueMetadata":
            in_values = True
        elif tag == "rvb":
            rich_values.append(_number(attributes.get("i")))
        elif tag == "x:rc" and in_values:
            metadata.append(_number(attributes.get("v")))

    parse_xml_leniently(package, _METADATA, start)
    return rich_values, metadata


def _number(value: str | None) -> int:
    value = value or ""
    return int(value) if value.isdecimal() and len(value) < 9 else -1
