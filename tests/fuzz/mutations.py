"""Mutations of files: bytes, numbers, lengths, nesting; also inside the members of a zip."""

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
_MAX_BYTES = 1_000_000  # of a mutated file


def change_bytes(data: bytes, chance: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 10, 100))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(changed)


def truncate(data: bytes, chance: random.Random) -> bytes:
    """Cut off its end."""
    return data[: chance.randrange(len(data))]


def remove_piece(data: bytes, chance: random.Random) -> bytes:
    """Remove a piece."""
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def repeat_piece(data: bytes, chance: random.Random) -> bytes:
    """Repeat a piece up to 10,000 times."""
    start, end = _span(data, chance, 1000)
    times = min(chance.choice((2, 10, 1000, 10_000)), (_MAX_BYTES - len(data)) // (end - start))
    return data[:start] + data[start:end] * max(1, times) + data[end:]


def insert_noise(data: bytes, chance: random.Random) -> bytes:
    """Insert random bytes."""
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.choice((1, 10, 1000))) + data[at:]


def change_numbers(data: bytes, chance: random.Random) -> bytes:
    """Change some of its numbers: sizes, counts, references."""
    matches = list(_NUMBER.finditer(data))
    for match in sorted(chance.sample(matches, min(len(matches), chance.choice((1, 3, 20)))),
                        key=lambda match: -match.start()):  # fmt: skip
        data = data[: match.start()] + chance.choice(_NUMBERS) + data[match.end() :]
    return data


def nest(data: bytes, chance: random.Random) -> bytes:
    """Repeat an opening tag or bracket up to 30,000 times."""
    matches = list(_TAG.finditer(data))
    if not matches:
        return repeat_piece(data, chance)
    match = chance.choice(matches)
    times = min(chance.choice((10, 1000, 30_000)), (_MAX_BYTES - len(data)) // len(match.group()))
    return data[: match.start()] + match.group() * max(1, times) + data[match.start() :]


def swap_pieces(data: bytes, chance: random.Random) -> bytes:
    """Swap two pieces."""
    first, second, third = sorted(chance.randrange(len(data)) for _ in range(3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def mutate_zip(data: bytes, chance: random.Random) -> bytes:
    """Mutate, remove, repeat or rename one member of a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # an earlier mutation has damaged the zip
        parts = []
    if not parts:
        return change_bytes(data, chance)
    at = chance.randrange(len(parts))
    name, content = parts[at]
    choice = chance.randrange(10)
    if choice < 7 and content:
        parts[at] = (name, chance.choice(BYTE_MUTATIONS)(content, chance))
    elif choice == 7:
        del parts[at]
    elif choice == 8:
        parts.append((name, content))
    else:
        parts[at] = (chance.choice(parts)[0], content)
    result = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content)
    return result.getvalue()


BYTE_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...]
BYTE_MUTATIONS = (
    change_bytes,
    truncate,
    remove_piece,
    repeat_piece,
    insert_noise,
    change_numbers,
    nest,
    swap_pieces,
)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Apply one to three random mutations to a file."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        is_zip = data.startswith(b"PK") and chance.random() < 0.8
        data = (mutate_zip if is_zip else chance.choice(BYTE_MUTATIONS))(data or b"\0", chance)
    return data


def _span(data: bytes, chance: random.Random, max_bytes: int = 100_000) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + 1 + int(max_bytes ** chance.random()))
