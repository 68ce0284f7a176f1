"""Folders of plain text whose content is known: path → text, and the changes made to them."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

Texts = dict[str, str]  # relative path → content

_WORDS = re.findall(
    r"\w+",
    "river stone market letter signal harbour garden winter engine silver window bridge "
    "paper forest mountain archive copper island lantern thunder velvet meadow granite "
    "ocean pepper ribbon saddle timber violin walnut yellow zebra anchor basket candle",
)
QUERIES = ("river stone market", "letter AND signal", "winter engine silver", "token3 token5",
           "naïve café", '"harbour garden"')  # fmt: skip


def make(seed: int, count: int = 12) -> Texts:
    """Return `count` documents: a few passages each, in nested folders, with a word of its own."""
    chance = random.Random(f"make {seed}")
    return {_name(number): _document(chance, number, 1) for number in range(count)}


def change(texts: Texts, seed: int, *, share: float = 0.3) -> Texts:
    """Return a later state: about `share` of the documents changed, added, deleted or moved."""
    chance = random.Random(f"change {seed}")
    later = dict(texts)
    for path in sorted(texts):
        if chance.random() >= share:
            continue
        number = int(path.rpartition("doc-")[2][:3])
        kind = chance.choice(("change", "change", "delete", "move", "add"))
        if kind in ("delete", "move"):
            text = later.pop(path)
            if kind == "move":
                later[f"moved/{path.rpartition('/')[2]}"] = text
        elif kind == "change":
            later[path] = _document(chance, number, chance.randrange(2, 1000))
        else:
            added = 100 + chance.randrange(800)
            later[_name(added)] = _document(chance, added, 1)
    if later == texts:
        later[_name(99)] = _document(chance, 99, 1)
    return later


def write(folder: Path, texts: Texts, previous: Texts | None = None) -> None:
    """Make `folder` contain `texts`; only what differs from `previous` is written."""
    for path in previous or {}:
        if path not in texts:
            (folder / path).unlink()
    for path, text in texts.items():
        if previous is None or previous.get(path) != text:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)  # as editors save
            os.utime(target, ns=(_stamp(path, text),) * 2)


def write_version(source: Path, number: int, version: int) -> None:
    """Write a document of three passages that all name its version."""
    part = f"Document{number} says v{version}. " + "river stone market letter signal " * 6
    temporary = source / ".new"
    temporary.write_text("\n\n".join([part] * 3) + "\n")
    temporary.replace(source / f"doc{number}.txt")


def wait_for(path: Path, seconds: float = 1800) -> None:
    """Wait in a child until the harness, which may be slow on a busy machine, has made `path`."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} did not appear")
        time.sleep(0.002)


def _stamp(path: str, text: str) -> int:
    """Return a time of last change that differs between two contents and is in the past."""
    return (1_700_000_000 + random.Random(path + text).randrange(1_000_000)) * 1_000_000_000


def _name(number: int) -> str:
    folder = ("", "a/", "a/b/", "ü/")[number % 4]
    return f"{folder}doc-{number:03}.{'md' if number % 3 == 0 else 'txt'}"


def _document(chance: random.Random, number: int, version: int) -> str:
    paragraphs = [
        " ".join(chance.choices(_WORDS, k=chance.randrange(8, 45))).capitalize() + "."
        for _ in range(chance.randrange(1, 5))
    ]
    paragraphs[0] = f"Document token{number} of version v{version}. {paragraphs[0]}"
    if number % 5 == 0:
        paragraphs.append("A naïve visitor of the café writes 文書 and Grüße.")
    if number % 3 == 0:
        return f"# Title {number}\n\n" + "\n\n## Part\n\n".join(paragraphs) + "\n"
    return "\n\n".join(paragraphs) + "\n"
