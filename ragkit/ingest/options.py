"""The options of an index run, and the read settings that are stored with each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ragkit.documents.ocr import OcrLimits
from ragkit.documents.read import READER_VERSION
from ragkit.documents.sandbox.ocr_engines import OcrOptions
from ragkit.documents.sandbox.sandbox import ReadLimits
from ragkit.errors import UsageError
from ragkit.ingest.secrets import SECRETS_VERSION
from ragkit.passages.split import SPLITTER_VERSION
from ragkit.settings import Settings

_OCR, _LIMITS, _GENERATED, _SEPARATOR = "ocr ", "limits ", "generated ", "; "
_ENCRYPTED = "encrypted"
_BESIDE = "beside "


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """The options of one index run. The defaults of sizes and limits are in `Settings`."""

    paths: Sequence[str | Path] = ()  # (): all known roots
    include: Sequence[str] | None = None  # globs; None: those stored with the root
    exclude: Sequence[str] | None = None
    dry_run: bool = False
    prune: bool = False  # delete entries of missing files even if most of a folder is missing
    rebuild: bool = False
    records: bool = False  # each row or element of tables, JSON and XML is a document
    secrets: str = "warn"  # of settings.SECRET_MODES
    generated: bool = False  # read generated and vendored files, too
    passage_tokens: int
    passage_header: bool = True  # embed title and heading with each passage
    overlap: float  # share of `passage_tokens`
    max_file_bytes: int
    skip_folder: Path | None = None  # that is not scanned; None: the collection's own
    limits: ReadLimits
    ocr: OcrOptions
    passwords: Sequence[str] = field(default=(), repr=False)  # tried on encrypted files
    password_file: Path | None = None  # they came from this file, which is not indexed

    @classmethod
    def from_settings(  # noqa: PLR0913 (the options of a run)
        cls,
        settings: Settings,
        paths: Sequence[str | Path] = (),
        *,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        dry_run: bool = False,
        prune: bool = False,
        rebuild: bool = False,
        records: bool = False,
        secrets: str = "warn",
        password_file: str | Path | None = None,
    ) -> IndexOptions:
        """Return the options of a run with these settings.

        Raises UsageError if the file with the passwords cannot be read.
        """
        limits = ReadLimits(
            settings.reader_seconds,
            settings.reader_memory_mb,
            settings.reader_output_mb,
            settings.reader_depth,
        )
        ocr_limits = OcrLimits(
            settings.ocr_pages,
            settings.ocr_seconds,
            settings.ocr_megapixels,
            settings.ocr_memory_mb,
        )
        return cls(
            paths=paths,
            include=include,
            exclude=exclude,
            dry_run=dry_run,
            prune=prune,
            rebuild=rebuild,
            records=records,
            secrets=secrets,
            generated=settings.index_generated,
            passage_tokens=settings.passage_tokens,
            passage_header=settings.passage_header,
            overlap=settings.overlap,
            max_file_bytes=int(settings.max_file_mb * 1_000_000),
            limits=limits,
            ocr=OcrOptions(settings.ocr_engine, settings.ocr_languages, ocr_limits),
            passwords=() if password_file is None else read_passwords(password_file),
            password_file=None if password_file is None else Path(password_file).expanduser(),
        )


def read_passwords(path: str | Path) -> tuple[str, ...]:
    """Return the passwords in a text file in UTF-8, one per line; spaces belong to them.

    Raises UsageError if the file cannot be read, is no text, or has no password.
    """
    try:
        text = Path(path).expanduser().read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the password file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"the password file {path} is not text in UTF-8") from None
    passwords = tuple(dict.fromkeys(filter(None, (line.rstrip("\r") for line in text.split("\n")))))
    if not passwords:
        raise UsageError(f"the password file {path} is empty; expected one password per line")
    return passwords


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings that decide how files are read and split.

    They are stored with each file as a *note*. A file whose note does not match the present
    settings is read again. `base` applies to all files. The note of a file with page images also
    names the OCR engine, or that there was none; the note of a file that failed also names the
    limits of reading; the note of a file that is still encrypted says so. Passwords are not noted.
    The note of a file that was read with another (`registry.Format.beside`) has the other's hash.
    """

    base: str
    ocr: str | None = None  # the engine and its languages; None without OCR
    limits: str = ""  # of reading
    generated: bool = False  # generated and vendored files are read, too
    has_passwords: bool = False  # encrypted files are tried again

    @classmethod
    def from_options(cls, options: IndexOptions, fingerprint: str) -> ReadSettings:
        """Return the read settings of a run with the encoder of this fingerprint."""
        base = (
            f"read {READER_VERSION}, cut {SPLITTER_VERSION}, {options.passage_tokens} tokens, "
            f"overlap {options.overlap:g}, model {fingerprint[:16]}"
        )
        if not options.passage_header:  # as collections of earlier versions have it
            base += ", no headers"
        if options.records:
            base += ", by records"
        if options.secrets != "warn":  # as collections of earlier versions have it
            base += f", secrets {options.secrets} {SECRETS_VERSION}"
        return cls(
            base,
            options.ocr.describe(),
            repr((options.limits, options.ocr.limits)),
            options.generated,
            bool(options.passwords),
        )

    def note(
        self,
        *,
        images: bool,
        failed: bool,
        generated: str = "",
        encrypted: bool = False,
        beside: str = "",
    ) -> str:
        """Return the note to store with a file.

        `images`: it is an image or has pages without a text layer; `failed`: it, or a part of it,
        could not be read; `generated`: "read" or "skipped", if it or a part of it is generated;
        `encrypted`: no password opened it, or a part of it; `beside`: the hash of the file that it
        was read with.
        """
        marks = [f"{_OCR}{self.ocr or 'none'}"] if images else []
        marks += [f"{_LIMITS}{self.limits}"] if failed else []
        marks += [f"{_GENERATED}{generated}"] if generated else []
        marks += [_ENCRYPTED] if encrypted else []
        marks += [f"{_BESIDE}{beside}"] if beside else []
        return _SEPARATOR.join((self.base, *marks))

    def match(
        self, note: str | None, *, is_included: bool = False, beside: str | None = None
    ) -> bool:
        """Whether a file with this note would be read in the same way now. `is_included`: a pattern
        of `--include` matches it, so that it is read even if it is generated. `beside`: the hash of
        the file that it would be read with, "" for none; None if that is not known.

        Text from an OCR engine that is no longer installed stays valid.
        """
        base, mark, noted = (note or "").partition(f"{_SEPARATOR}{_BESIDE}")
        if beside is not None and (noted if mark else "") != beside:
            return False
        return _is_match(self, base, is_included)


# Folders of a million files have a few notes, which are compared with one of the settings.
@lru_cache(maxsize=1024)
def _is_match(settings: ReadSettings, note: str | None, is_included: bool) -> bool:
    """See `ReadSettings.match`."""
    base, *marks = (note or "").split(_SEPARATOR)
    generated = "read" if settings.generated or is_included else "skipped"
    current = {
        f"{_LIMITS}{settings.limits}", f"{_OCR}{settings.ocr}", f"{_GENERATED}{generated}",
    }  # fmt: skip
    if not settings.has_passwords:
        current.add(_ENCRYPTED)
    return base == settings.base and all(
        mark in current or (settings.ocr is None and mark.startswith(_OCR)) for mark in marks
    )
