"""Ways to break a file: bytes, numbers, lengths, nesting; also inside the parts of a zip."""

from __future__ import annotations

import io
import random
import re
import warnings
import zipfile
from collections.abc import Callable

_NUMBER = re.compile(rb"\d{1,10}")
_TAG = re.compile(rb"<[^<>]{1,200}>|\\[a-z]{1,20}|[\[{(]")
_NUMBERS = (b"0", b"-1", b"1", b"255", b"65536", b"2147483647", b"4294967295", b"99999999999999")
_MOST = 1_000_000  # bytes; nothing grows beyond


def flipped(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 10, 100))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> bytes:
    """It ends too early."""
    return data[: chance.randrange(len(data))]


def without(data: bytes, chance: random.Random) -> bytes:
    """A piece is missing."""
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def again(data: bytes, chance: random.Random) -> bytes:
    """A piece stands there up to 10,000 times."""
    start, end = _span(data, chance, 1000)
    times = min(chance.choice((2, 10, 1000, 10_000)), (_MOST - len(data)) // (end - start))
    return data[:start] + data[start:end] * max(1, times) + data[end:]


def noisy(data: bytes, chance: random.Random) -> bytes:
    """Noise stands in it."""
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.choice((1, 10, 1000))) + data[at:]


def numbered(data: bytes, chance: random.Random) -> bytes:
    """Some of its numbers are others: sizes, counts, references."""
    found = list(_NUMBER.finditer(data))
    for match in sorted(chance.sample(found, min(len(found), chance.choice((1, 3, 20)))),
                        key=lambda each: -each.start()):  # fmt: skip
        data = data[: match.start()] + chance.choice(_NUMBERS) + data[match.end() :]
    return data


def nested(data: bytes, chance: random.Random) -> bytes:
    """Something that opens stands there up to 30,000 times."""
    found = list(_TAG.finditer(data))
    if not found:
        return again(data, chance)
    match = chance.choice(found)
    times = min(chance.choice((10, 1000, 30_000)), (_MOST - len(data)) // len(match.group()))
    return data[: match.start()] + match.group() * max(1, times) + data[match.start() :]


def shuffled(data: bytes, chance: random.Random) -> bytes:
    """Two pieces have changed places."""
    first, second, third = sorted(chance.randrange(len(data)) for _ in range(3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def repacked(data: bytes, chance: random.Random) -> bytes:
    """One part of a zip is broken, missing, there twice, or has another's name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # an earlier mutation has broken the whole
        parts = []
    if not parts:
        return flipped(data, chance)
    at = chance.randrange(len(parts))
    name, content = parts[at]
    how = chance.randrange(10)
    if how < 7 and content:
        parts[at] = (name, chance.choice(PLAIN)(content, chance))
    elif how == 7:
        del parts[at]
    elif how == 8:
        parts.append((name, content))
    else:
        parts[at] = (chance.choice(parts)[0], content)
    made = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


PLAIN: tuple[Callable[[bytes, random.Random], bytes], ...]
PLAIN = (flipped, cut, without, again, noisy, numbered, nested, shuffled)


def broken(data: bytes, chance: random.Random) -> bytes:
    """The file with one to three things wrong with it."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        is_zip = data.startswith(b"PK") and chance.random() < 0.8
        data = (repacked if is_zip else chance.choice(PLAIN))(data or b"\0", chance)
    return data


def _span(data: bytes, chance: random.Random, most: int = 100_000) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + 1 + int(most ** chance.random()))
