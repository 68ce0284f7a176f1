"""The table of formats in docs/formats.md, generated from the registry.

`python -m tests.documents.formats_table` writes it; a test compares it.
"""

from pathlib import Path

from ragkit.documents.registry import FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
START, END = "<!-- formats: generated -->\n", "<!-- /formats -->\n"


def formats_table():
    """Return the formats that are read, equal rows as one line, then those that are not."""
    groups = {}
    for row in FORMATS.values():
        if row.content:
            groups.setdefault(row.content, []).append(row)
    lines = ["| format | extensions | what is read | cited by | library |", "|---|---|---|---|---|"]
    for content, rows in groups.items():
        names = ", ".join(dict.fromkeys(row.name for row in rows))
        extensions = " ".join(row.extensions for row in rows if row.extensions)
        (locator,) = {row.locator for row in rows}
        cell = content.replace("|", r"\|")
        lines.append(f"| {names} | {extensions} | {cell} | {locator} | {libraries(rows)} |")
    unread = [row for row in FORMATS.values() if row.reason]
    unsupported = ", ".join(row.name for row in unread if row.reason_kind == "unsupported")
    no_document = ", ".join(row.name for row in unread if row.reason_kind == "no_document")
    lines += ["", f"Not read yet: {unsupported}.", f"No documents: {no_document}."]
    return "\n".join(lines) + "\n"


def libraries(rows):
    """Return the packages that parse the formats, with the extra that installs an optional one."""
    format_names = {}
    for row in rows:
        if row.library:
            format_names.setdefault((row.library, row.extra), []).append(row.name)
    texts = []
    for (library, extra), names in format_names.items():
        some = f" ({', '.join(names)})" if len(names) < len(rows) else ""
        texts.append(f"{library}{some}" + (f", with `ragkit-search[{extra}]`" if extra else ""))
    return ", ".join(texts)


def generated_part(page):
    """Return the part of the page between the two marks."""
    return page.partition(START)[2].partition(END)[0]


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(generated_part(text), formats_table()), encoding="utf-8")
