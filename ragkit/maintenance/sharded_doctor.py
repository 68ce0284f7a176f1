"""`ragkit doctor` on a sharded collection: its manifest, its files, and each shard as a collection.

Nothing is changed: what is damaged is published again by `ragkit index` where the collection was
made.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ragkit.encoders import Encoder
from ragkit.errors import RagkitError, UsageError
from ragkit.maintenance import doctor, versions
from ragkit.records.maintenance import Diagnosis, DoctorReport
from ragkit.settings import Settings
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import FILES, ShardLocation, file_digest
from ragkit.storage.shards.manifest import Manifest, ShardFile, check_schema
from ragkit.storage.sqlite.database import SCHEMA_VERSION

_REMEDY = "publish it again where it was made: ragkit index"


def examine(
    address: str | Path,
    settings: Settings,
    *,
    repair: bool = False,
    encoder: Encoder | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> DoctorReport:
    """Check the published generation of a sharded collection; return what was found.

    Raises UsageError with `repair`: published files are never changed. CollectionError if the
    address cannot be reached.
    """
    if repair:
        raise UsageError(
            f"{address} is a sharded collection, whose published files are never changed. To "
            f"publish it again: ragkit -c {address} index"
        )
    started = time.monotonic()
    location = ShardLocation(address)
    diagnoses: list[Diagnosis] = []
    counts: Counter[str] = Counter()
    try:
        manifest = cache.read_manifest(location)
        if manifest is None:
            raise UsageError(f"no sharded collection at {address}")
        check_schema(manifest, SCHEMA_VERSION, location.address)
    except RagkitError as error:
        found = Diagnosis("manifest", "error", str(error), "a manifest of this version", _REMEDY)
        return DoctorReport(str(address), False, (found,), versions.versions())
    diagnoses.append(
        Diagnosis(
            "manifest", "ok",
            f"generation {manifest.generation:,}, {len(manifest.shards):,} shards, "
            f"{manifest.passages:,} passages",
        )
    )  # fmt: skip
    damaged = list(_damaged_files(location, manifest))
    diagnoses += [diagnosis for _, diagnosis in damaged]
    if not damaged:
        total = sum(file.bytes for file in manifest.all_files())
        diagnoses.append(Diagnosis("files", "ok", f"all there, {total:,} bytes"))
    unusable = {file.sha256 for file, _ in damaged}
    for shard in manifest.shards:
        if any(file.sha256 in unusable for file in shard.files):
            continue
        try:
            folder = cache.fetch_shard(location, manifest, shard.number)
            report = doctor.examine_published(folder, settings, encoder, notify)
        except RagkitError as error:
            found = Diagnosis(
                f"shard {shard.number}", "error", str(error), "it can be read", _REMEDY
            )
            diagnoses.append(found)
            continue
        counts.update(report.counts)
        wrong = [entry for entry in report.diagnoses if entry.severity != "ok"]
        diagnoses += [
            replace(entry, name=f"shard {shard.number}: {entry.name}", remedy=_REMEDY)
            for entry in wrong
        ] or [Diagnosis(f"shard {shard.number}", "ok", f"{shard.passages:,} passages")]
    return DoctorReport(
        str(address), not damaged, tuple(diagnoses), versions.versions(), counts=dict(counts),
        seconds=time.monotonic() - started,
    )  # fmt: skip


def _damaged_files(
    location: ShardLocation, manifest: Manifest
) -> Iterator[tuple[ShardFile, Diagnosis]]:
    """Yield the files that are missing or not as they were published. The content of local files is
    read; that in object storage when it is fetched."""
    for file in manifest.all_files():
        name = f"{location.address.rstrip('/')}/{FILES}/{file.sha256} ({file.name})"
        try:
            if not location.has(file):
                raise ValueError("is missing, or has another size")
            if location.folder is not None:
                path = location.folder / FILES / file.sha256
                if file_digest(path) != file.sha256:
                    raise ValueError("is damaged: its checksum is not that of its name")
        except (RagkitError, OSError, ValueError) as error:
            found = f"{name} {error}"
            remedy = f"delete it, and {_REMEDY}" if "damaged" in str(error) else _REMEDY
            yield file, Diagnosis("files", "error", found, "the published file", remedy)
