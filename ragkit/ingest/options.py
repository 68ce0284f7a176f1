"""What is asked of a run of `index`: the user's words and settings, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.documents.ocr import OcrLimits
from ragkit.documents.sandbox.ocr_engines import OcrOptions
from ragkit.documents.sandbox.sandbox import ReadLimits
from ragkit.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. None for globs: those the root was indexed with."""

    paths: Sequence[str | Path] = ()
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    dry_run: bool = False
    prune: bool = False
    rebuild: bool = False
    passage_tokens: int = 200
    overlap: float = 0.1
    max_file_bytes: int = 50_000_000
    records: bool = False
    limits: ReadLimits = field(default_factory=ReadLimits)
    ocr: OcrOptions = field(default_factory=OcrOptions)

    @classmethod
    def of(
        cls,
        chosen: Settings,
        paths: Sequence[str | Path],
        *,
        include: Sequence[str] | None,
        exclude: Sequence[str] | None,
        dry_run: bool,
        prune: bool,
        rebuild: bool,
        records: bool,
    ) -> Request:
        """What is asked for with these settings."""
        limits = ReadLimits(
            chosen.reader_seconds, chosen.reader_memory_mb, chosen.reader_output_mb,
            chosen.reader_depth,
        )  # fmt: skip
        ocr_limits = OcrLimits(
            chosen.ocr_pages, chosen.ocr_seconds, chosen.ocr_megapixels, chosen.ocr_memory_mb
        )
        return cls(
            paths=paths,
            include=include,
            exclude=exclude,
            dry_run=dry_run,
            prune=prune,
            rebuild=rebuild,
            passage_tokens=chosen.passage_tokens,
            overlap=chosen.overlap,
            max_file_bytes=int(chosen.max_file_mb * 1_000_000),
            records=records,
            limits=limits,
            ocr=OcrOptions(chosen.ocr_engine, chosen.ocr_languages, ocr_limits),
        )
