"""The manifest of a sharded collection: which files make up its current generation.

`manifest.json` is written last and in one step, so a reader sees either the generation of before or
the new one, complete. All other files are named by their content and never change. A manifest may
come from somebody else: only file names that ragkit generates are accepted. Knows no databases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from ragkit.errors import CollectionError
from ragkit.storage.collection_files import are_member_names, is_index_name, shorten_name
from ragkit.storage.shards.placement import MAX_SHARDS

FILE_NAME = "manifest.json"
PREVIOUS_NAME = "previous.json"  # the manifest before: its files are kept for its readers
FORMAT = "ragkit-shards"
VERSION = 1
DATABASE_NAME = "ragkit.db"
TERMS_NAME = "terms.jsonl"  # number of passages by term of one shard
STATISTICS_NAME = "statistics.db"  # the same of all shards
MAX_BYTES = 256_000_000
_COUNTED_FIELDS = ("text", "forms")  # of the lexical index
_MAX_TERMS = 100_000  # of one passage, on the average
_UPGRADE = "Upgrade with: pip install --upgrade ragkit-search"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of a shard: its name in the collection, and its content."""

    name: str  # "ragkit.db", or of an index file; "/" between a folder and its member
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """The encoder of all shards, as the table `models` describes it."""

    name: str
    fingerprint: str
    dimension: int
    window: int
    options: str = "{}"


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One published shard.

    `counted` and `tokens` are what its BM25 index counts: passages, and terms by field ("text",
    "forms").
    """

    number: int
    files: tuple[ShardFile, ...]
    documents: int
    passages: int
    vectors: int
    counted: int
    tokens: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What identifies the content of the shard, 64 hexadecimal digits."""
        lines = sorted(f"{file.name} {file.sha256}" for file in self.files)
        return sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of a sharded collection."""

    id: str
    generation: int
    schema: int  # of the databases of the shards
    encoder: EncoderEntry | None  # None while the collection is empty
    shards: tuple[ShardEntry, ...]
    statistics: ShardFile | None = None
    fusion: str | None = None  # the calibration of the fusion, JSON as `retrieval` stores it

    @property
    def passages(self) -> int:
        """The number of passages of all shards."""
        return sum(shard.passages for shard in self.shards)

    def all_files(self) -> Iterator[ShardFile]:
        """Yield all files of the generation but the manifest."""
        for shard in self.shards:
            yield from shard.files
        if self.statistics is not None:
            yield self.statistics


def is_shard_file_name(name: object) -> bool:
    """Whether ragkit gives this name to a file of a published shard."""
    if not isinstance(name, str):
        return False
    folder, slash, member = name.partition("/")
    if slash:
        return is_index_name(folder) and are_member_names([member])
    return name in (DATABASE_NAME, TERMS_NAME) or is_index_name(name)


def to_json(manifest: Manifest) -> bytes:
    """Return the manifest as JSON."""
    record = {"format": FORMAT, "version": VERSION, **asdict(manifest)}
    return (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode()


def parse(data: bytes, source: str) -> Manifest:
    """Return the manifest in `data`. `source` is the address that messages name.

    Raises CollectionError for a manifest of a newer version, a damaged one, and for one with file
    names that ragkit does not generate.
    """
    try:
        record = json.loads(data)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError('it has no "format": "ragkit-shards"')
        version = record["version"]
        if isinstance(version, int) and version > VERSION:
            raise CollectionError(
                f"{source} was made by a newer ragkit (manifest version {version}; this one knows "
                f"{VERSION}). {_UPGRADE}"
            )
        return _manifest(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CollectionError(
            f"{source} is damaged: {reason}. Delete it, and publish it again where it was made: "
            "ragkit index --shards N"
        ) from error


def check_schema(manifest: Manifest, known: int, source: str) -> None:
    """Raise CollectionError if the databases of the shards have another schema than `known`."""
    if manifest.schema > known:
        raise CollectionError(
            f"{source}: its shards were made by a newer ragkit (schema {manifest.schema}; this one "
            f"knows {known}). {_UPGRADE}"
        )
    if manifest.schema < known:
        raise CollectionError(
            f"{source}: its shards were made by an older ragkit (schema {manifest.schema}; this "
            f"one reads {known}). Publish them again where they were made: ragkit index"
        )


def _manifest(record: Mapping[str, Any]) -> Manifest:
    if record["version"] != VERSION:
        raise ValueError(f"version {record['version']!r}; expected {VERSION}")
    if not re.fullmatch("[0-9a-f]{32}", record["id"]):
        raise ValueError("its id is not 32 hexadecimal digits")
    encoder = record["encoder"]
    shards = tuple(parse_shard(entry) for entry in record["shards"])
    if not 1 <= len(shards) <= MAX_SHARDS:
        raise ValueError(f"it has {len(shards):,} shards; expected 1 to {MAX_SHARDS:,}")
    for place, shard in enumerate(shards):
        if shard.number != place:
            raise ValueError(f"shard {place} is missing")
    statistics = record["statistics"]
    fusion = record["fusion"]
    if not isinstance(fusion, str | None):
        raise ValueError("fusion is no text")
    return Manifest(
        id=record["id"],
        generation=_count(record["generation"]),
        schema=_count(record["schema"]),
        encoder=None if encoder is None else _encoder(encoder),
        shards=shards,
        statistics=None if statistics is None else _file(statistics, (STATISTICS_NAME,)),
        fusion=fusion,
    )


def _encoder(record: Mapping[str, Any]) -> EncoderEntry:
    texts = [record[name] for name in ("name", "fingerprint", "options")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a value of the encoder is no text")
    name, fingerprint, options = texts
    return EncoderEntry(
        name, fingerprint, _count(record["dimension"]), _count(record["window"]), options
    )


def parse_shard(record: Mapping[str, Any]) -> ShardEntry:
    """Return the entry of one shard. Raises ValueError, KeyError or TypeError for a damaged one."""
    number = _count(record["number"])
    files = tuple(_file(entry) for entry in record["files"])
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise ValueError(f"shard {number} names a file twice")
    if DATABASE_NAME not in names:
        raise ValueError(f"shard {number} has no {DATABASE_NAME}")
    tokens = {str(name): _count(count) for name, count in record["tokens"].items()}
    counted = _count(record["counted"])
    for name, count in tokens.items():
        if name not in _COUNTED_FIELDS or count > counted * _MAX_TERMS:
            raise ValueError(f"shard {number} counts {count:,} terms of {shorten_name(name)}")
    return ShardEntry(
        number=number,
        files=files,
        documents=_count(record["documents"]),
        passages=_count(record["passages"]),
        vectors=_count(record["vectors"]),
        counted=counted,
        tokens=tokens,
    )


def _file(record: Mapping[str, Any], names: tuple[str, ...] = ()) -> ShardFile:
    name, digest = record["name"], record["sha256"]
    if name not in names if names else not is_shard_file_name(name):
        raise ValueError(f"{shorten_name(name)} is not the name of a file of ragkit")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"the checksum of {shorten_name(name)} is not 64 hexadecimal digits")
    return ShardFile(name, _count(record["bytes"]), digest)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{shorten_name(value)} is no count")
    return value
