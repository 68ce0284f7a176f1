"""Which shard of a collection a file belongs to, and which ids its rows have there.

All documents of a file are in one shard, so that a file is read once and an unchanged file costs
one `stat`, as in an ordinary collection. Ids are unique over all shards: those of shard s begin at
s · 2**40, so an id tells its shard. Knows neither files nor databases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

MAX_SHARDS = 4096  # ids up to 2**52: JavaScript reads them exactly
_ID_BITS = 40
_MASK = (1 << 64) - 1


def shard_of(identity: Sequence[str], shards: int) -> int:
    """Return the shard, 0 to `shards` - 1, of the file with this identity: (root, relative path).

    Rendezvous hashing: each shard gets a score for the identity, and the highest one has the file.
    With one shard more, only files that the new one gets are in another shard: 1 / (shards + 1) of
    them. Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM
    Transactions on Networking, 1998. Raises ValueError for a number of shards out of range.
    """
    check_shards(shards)
    if shards == 1:
        return 0
    digest = blake2b(digest_size=8)
    for part in identity:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8, "little") + data)
    key = int.from_bytes(digest.digest(), "little")
    return max(range(shards), key=lambda shard: (_mixed(key ^ _mixed(shard)), -shard))


def check_shards(shards: int) -> None:
    """Raise ValueError if a collection cannot have this number of shards."""
    if not 1 <= shards <= MAX_SHARDS:
        raise ValueError(f"{shards} shards; expected 1 to {MAX_SHARDS:,}")


def first_id(shard: int) -> int:
    """Return the number below all ids of a shard; its own ids are greater."""
    return shard << _ID_BITS


def shard_of_id(row_id: int) -> int:
    """Return the shard that an id of a passage, document or file belongs to."""
    return row_id >> _ID_BITS


def ids_by_shard(ids: Iterable[int]) -> dict[int, list[int]]:
    """Return shard → those of `ids` that belong to it, in their order."""
    found: dict[int, list[int]] = {}
    for row_id in ids:
        found.setdefault(row_id >> _ID_BITS, []).append(row_id)
    return found


def _mixed(value: int) -> int:
    """SplitMix64's finalizer of a 64-bit number: each input bit changes half of the output bits."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
