"""Settings and their origins: flag > environment > project file > user file > default.

The project file is the nearest `ragkit.toml` in the working folder or above; the user file is
`config.toml` in the platform's configuration folder. Both contain plain values only: nothing in
them runs a program; folders in them are relative to the file itself. A project file may come with
a folder that somebody else wrote, so it may name neither an address that text is sent to nor a
variable with a key. One in a version-controlled folder that the user has not trusted may set only
what is harmless: it names no model, no collection outside of its folder, and raises no limit,
unless the user's own settings say the same. Environment variables are `RAGKIT_` and the name in
capitals: `RAGKIT_MODEL`, `RAGKIT_TOP_K`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ragkit import trust, user_dirs
from ragkit.errors import UsageError

PROJECT_FILE = trust.PROJECT_FILE
_PATH_SETTINGS = ("collection", "model", "tokenizer", "reranker")  # folders, or names of them
FORBIDDEN_IN_PROJECT_FILES = (
    "base_url",
    "api_key_env",
    "llm_preset",
    "llm_base_url",
    "llm_api_key_env",
)
# What the project file of an untrusted checkout may set. A limit may be lowered (`_LIMITS`), and a
# collection may be named inside the folder of the file. Everything else is refused.
HARMLESS = (
    "index_generated",
    "precision",
    "dimensions",
    "window",
    "mode",
    "fusion",
    "top_k",
    "min_relevance",
    "candidates",
    "passage_tokens",
    "passage_header",
    "overlap",
    "records",
    "ocr_engine",
    "llm_context_tokens",
)
PRESETS = ("ollama", "llamacpp", "vllm", "openai")  # language model servers: answers/llm.py
MODES = ("dense", "lexical", "hybrid")
FUSIONS = ("convex", "rrf")
OCR_ENGINES = ("tesseract", "rapidocr")
SECRET_MODES = ("warn", "mask", "skip")
# The TOML parser takes time with the square of a key's parts; settings need a tenth of this.
_MAX_FILE_BYTES = 16_384
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# Limits of reading: name, minimum, maximum.
_READER_LIMITS = (
    ("reader_seconds", 1, 86_400),
    ("reader_memory_mb", 64, 1_000_000),
    ("reader_output_mb", 1, 1_000_000),
    ("reader_depth", 1, 50),
    ("ocr_pages", 0, 1_000_000),
    ("ocr_seconds", 1, 86_400),
    ("ocr_megapixels", 1, 500),
    ("ocr_memory_mb", 256, 1_000_000),
)
_LIMITS = ("max_file_mb", *(name for name, _, _ in _READER_LIMITS))
# Environment variables that are not settings.
OTHER_VARIABLES = ("RAGKIT_CONFIG_DIR", "RAGKIT_DATA_DIR", "RAGKIT_CACHE_DIR", trust.VARIABLE)
# A variable with a token or a key, whose name the user chooses: --token-env, api_key_env.
_SECRET_ENDINGS = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD")
_ENVIRONMENT, _COMMAND_LINE = "the environment", "the command line"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with their defaults."""

    collection: str | None = None  # folder; None: the nearest .ragkit/, else the user's default
    model: str | None = None  # None: the collection's own, else all-MiniLM-L6-v2
    precision: str | None = None  # of PRECISIONS, or auto; None: the collection's own, else fp32
    dimensions: int | None = None  # of a vector that are kept; None: the collection's own, else all
    base_url: str | None = None  # of an OpenAI-compatible server that has `model`
    api_key_env: str | None = None  # name of the environment variable with the key for base_url
    window: int | None = None  # tokens that the server's model reads; None: 256
    tokenizer: str | None = None  # a local model with the server's tokenizer; None: estimate
    reranker: str | None = None  # a cross-encoder: a name, a folder, an ONNX file
    llm_preset: str | None = None  # of PRESETS; these five may be written in a table [llm]
    llm_base_url: str | None = None  # of a chat completions server; None: the preset's
    llm_model: str | None = None  # the model's name on that server
    llm_api_key_env: str | None = None  # name of the environment variable with the key
    llm_context_tokens: int | None = None  # prompt and answer together; None: the preset's
    mode: str = "dense"
    fusion: str = "convex"  # of the hybrid mode: convex, of scores; rrf, of ranks
    top_k: int = 10
    min_relevance: float = 0.32  # of the sources, below which `ask` declines; docs/answers.md
    # Candidates per hit that approximate search re-scores; None: as calibrated.
    candidates: int | None = None
    passage_tokens: int = 240
    passage_header: bool = True  # title and heading are embedded with each passage
    overlap: float = 0.15  # share of a passage that the next one repeats, 0 to 0.2
    max_file_mb: float = 50.0
    # Vectors that your collections share, in the cache folder: maximum size; 0: none.
    vector_cache_mb: int = 1000
    # One document per row, element or line of tables, JSON and XML; None: the collection's own.
    records: bool | None = None
    # Documents with keys or tokens, of SECRET_MODES; None: the collection's own, else warn.
    secrets: str | None = None
    nice: bool = False  # `index` leaves the processor to others and pauses on battery
    index_generated: bool = False  # read generated and vendored files, too
    # Limits of reading one file, in the sandboxed process.
    reader_seconds: float = 30.0
    reader_memory_mb: int = 1024
    reader_output_mb: int = 256
    reader_depth: int = 5  # containers within containers: archive in mail in archive …
    # Text recognition (OCR) in scanned pages and images.
    ocr_engine: str | None = None  # of OCR_ENGINES; None: the first that is installed
    ocr_languages: str | None = None  # of tesseract: "eng+deu"; None: all that are installed
    ocr_pages: int = 500  # per document; 0: none
    ocr_seconds: float = 120.0  # per page
    ocr_megapixels: float = 25.0  # per page; larger images are scaled down
    ocr_memory_mb: int = 2048

    def __post_init__(self) -> None:
        """Raise UsageError for a value that cannot work. Each message begins with the name."""
        _check_ranking(self.mode, self.fusion, self.min_relevance)
        _check_precision(self.precision)
        _check_reading(self.ocr_engine, self.secrets)
        if self.dimensions is not None and self.dimensions < 1:
            raise UsageError(f"dimensions is {self.dimensions}; expected 1 or more")
        _check_language_model(self.llm_preset, self.llm_context_tokens)
        if self.window is not None and not 16 <= self.window <= 1_000_000:
            raise UsageError(f"window is {self.window}; expected 16 tokens or more")
        if self.top_k < 1:
            raise UsageError(f"top_k is {self.top_k}; expected 1 or more")
        if self.candidates is not None and self.candidates < 1:
            raise UsageError(f"candidates is {self.candidates}; expected 1 or more")
        if not 16 <= self.passage_tokens <= 8192:
            raise UsageError(f"passage_tokens is {self.passage_tokens}; expected 16 to 8192")
        if not 0 <= self.overlap <= 0.2:
            raise UsageError(f"overlap is {self.overlap}; expected 0 to 0.2")
        if not 0 <= self.vector_cache_mb <= 1_000_000:
            raise UsageError(
                f"vector_cache_mb is {self.vector_cache_mb}; expected 0 (off) to 1,000,000"
            )
        if not 0 < self.max_file_mb < 1e6:
            raise UsageError(f"max_file_mb is {self.max_file_mb}; expected more than 0, below 1e6")
        for name, minimum, maximum in _READER_LIMITS:
            if not minimum <= (value := getattr(self, name)) <= maximum:
                raise UsageError(f"{name} is {value:g}; expected {minimum} to {maximum:,}")


def _check_ranking(mode: str, fusion: str, min_relevance: float) -> None:
    if mode not in MODES:
        raise UsageError(f"mode is {mode!r}; expected one of {', '.join(MODES)}")
    if fusion not in FUSIONS:
        raise UsageError(f"fusion is {fusion!r}; expected one of {', '.join(FUSIONS)}")
    if not 0 <= min_relevance <= 1:
        raise UsageError(f"min_relevance is {min_relevance}; expected 0 to 1")


def _check_precision(precision: str | None) -> None:
    if precision is None:
        return
    from ragkit.records.precisions import AUTO_PRECISION, PRECISIONS  # not for `--help`

    allowed = (*PRECISIONS, AUTO_PRECISION)
    if precision not in allowed:
        raise UsageError(f"precision is {precision!r}; expected one of {', '.join(allowed)}")


def _check_reading(ocr_engine: str | None, secrets: str | None) -> None:
    if ocr_engine not in (None, *OCR_ENGINES):
        raise UsageError(f"ocr_engine is {ocr_engine!r}; expected {' or '.join(OCR_ENGINES)}")
    if secrets not in (None, *SECRET_MODES):
        raise UsageError(f"secrets is {secrets!r}; expected one of {', '.join(SECRET_MODES)}")


def _check_language_model(preset: str | None, context: int | None) -> None:
    if preset not in (None, *PRESETS):
        raise UsageError(f"llm_preset is {preset!r}; expected one of {', '.join(PRESETS)}")
    if context is not None and context < 1024:
        raise UsageError(f"llm_context_tokens is {context}; expected 1024 or more")


def load(folder: Path | None = None, flags: Mapping[str, object] | None = None) -> Settings:
    """Return the settings that apply in `folder` (default: the working folder).

    `flags` are those of the command line, by the names of the settings; a flag that is None was
    not given. Raises UsageError: an unknown name, a value of the wrong type, a file that is not
    TOML.
    """
    return load_with_origins(folder, flags)[0]


def load_with_origins(
    folder: Path | None = None, flags: Mapping[str, object] | None = None
) -> tuple[Settings, dict[str, str]]:
    """Return the settings as `load` does, and where each that is set comes from.

    The second value: name → the path of a file, "the environment" or "the command line". A setting
    that is not in it has its default.
    """
    settings = Settings()
    origins: dict[str, str] = {}
    for source, values in (
        *((str(path), _from_file(path)) for path in _files(folder or Path.cwd())),
        (_ENVIRONMENT, _from_environment(os.environ)),
        (_COMMAND_LINE, {k: v for k, v in (flags or {}).items() if v is not None}),
    ):
        applied: Mapping[str, object] = values
        if Path(source).name == PROJECT_FILE:
            _refuse_addresses(source, values)
            applied = _refuse_untrusted(Path(source), values, settings, flags or {})
        settings = override(settings, source, applied)
        origins.update(dict.fromkeys(applied, source))
    return settings, origins


def _refuse_addresses(source: str, values: Mapping[str, object]) -> None:
    for name in FORBIDDEN_IN_PROJECT_FILES:
        if name in values:
            raise UsageError(
                f"{source}: {name} is not allowed in a project's file, whose author would choose "
                f"where your text is sent. Set RAGKIT_{name.upper()}, or write it into "
                f"{_user_file()}"
            )


def _refuse_untrusted(
    project: Path, values: Mapping[str, object], user: Settings, flags: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the values of a project file that apply. Those that the environment or a flag replaces
    do not; raise UsageError for any other that somebody else may not choose.

    `user` are the settings of the user's own file.
    """
    if trust.is_trusted_project(project.parent):
        return values
    replaced = {name for name, value in flags.items() if value is not None}
    replaced |= set(_from_environment(os.environ))
    applied = {name: value for name, value in values.items() if name not in replaced}
    for name, value in applied.items():
        if not hasattr(user, name):
            continue  # unknown: reported with the names that are known
        own = getattr(user, name)
        if value == own or _is_harmless(project.parent, name, value, own):
            continue
        import shlex  # not for a query

        raise UsageError(
            f"{project} is in a checkout and not trusted, and sets {name} to {value!r}. If you "
            f"wrote it or trust its authors: ragkit trust {shlex.quote(str(project.parent))}; else "
            f"choose yourself: RAGKIT_{name.upper()}=…, or {name} in {_user_file()}"
        )
    return applied


def _is_harmless(folder: Path, name: str, value: object, own: object) -> bool:
    """Whether a project file in this folder may set `name` to a value, in place of the user's
    `own`, although nobody has trusted it."""
    if name in HARMLESS:
        return True
    if name == "collection":
        inside = os.path.realpath(folder)
        return os.path.realpath(str(value)).startswith(f"{inside}{os.sep}")
    if name in _LIMITS and isinstance(value, (int, float)) and isinstance(own, (int, float)):
        return value <= own
    return False


def _files(folder: Path) -> list[Path]:
    """The settings files that exist, lowest precedence first."""
    candidates = [_user_file()]
    for parent in (folder, *folder.parents):
        if _is_file(parent / PROJECT_FILE):
            candidates.append(parent / PROJECT_FILE)
            break
    return [path for path in candidates if _is_file(path)]


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises without permission)


def _user_file() -> Path:
    return user_dirs.config() / "config.toml"


def _from_file(path: Path) -> dict[str, object]:
    import tomllib

    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise UsageError(f"{path} is larger than {_MAX_FILE_BYTES:,} bytes; expected settings")
        values = tomllib.loads(content.decode().replace("\r\n", "\n"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not readable as TOML: {error}") from error
    except RecursionError:
        raise UsageError(f"{path} is not readable as TOML: it is nested too deeply") from None
    if isinstance(table := values.get("llm"), dict):
        del values["llm"]
        values.update({f"llm_{name}": value for name, value in table.items()})
    return {name: _resolve_path(path, name, value) for name, value in values.items()}


def _resolve_path(file: Path, name: str, value: object) -> object:
    """Make a path in a settings file relative to its folder; return other values unchanged."""
    if name not in _PATH_SETTINGS or not isinstance(value, str) or not value:
        return value
    if "\0" in value:
        raise UsageError(f"{file}: {name} is {value!r}; expected text without a NUL character")
    path = file.parent / os.path.expanduser(value)  # noqa: PTH111 (Path.expanduser raises for ~nobody)
    # A model or tokenizer may also be a name on the hub, which looks like a relative path.
    is_path = name == "collection" or value.startswith((".", "~")) or path.is_dir()
    return os.path.normpath(path) if is_path else value


def _written_name(source: str, name: str) -> str:
    """The name of a setting as the user writes it in that source."""
    if source == _COMMAND_LINE:
        return "-k/--top-k" if name == "top_k" else f"--{name.replace('_', '-')}"
    return f"RAGKIT_{name.upper()}" if source == _ENVIRONMENT else name


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    names = {f"RAGKIT_{field.name.upper()}": field.name for field in fields(Settings)}
    for name in environment:
        if not name.startswith("RAGKIT_") or name in names or name in OTHER_VARIABLES:
            continue
        if name.endswith(_SECRET_ENDINGS):
            continue
        # Only what is nearly a setting: the variable may belong to another program.
        import difflib  # not for a query without a mistake

        if matches := difflib.get_close_matches(name, names, n=1, cutoff=0.85):
            raise UsageError(f"{name} is no setting; did you mean {matches[0]}?")
    return {names[name]: text for name, text in environment.items() if name in names and text}


def override(settings: Settings, source: str, values: Mapping[str, object]) -> Settings:
    """Return the settings with other values, which may be written as text.

    Raises UsageError, whose message begins with `source`, for an unknown name or a wrong value.
    """
    types = {field.name: str(field.type) for field in fields(Settings)}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in types:
            import difflib

            matches = difflib.get_close_matches(name, types, n=1)
            hint = f"; did you mean {matches[0]}?" if matches else f"; known: {', '.join(types)}"
            raise UsageError(f"{source}: unknown setting {name!r}{hint}")
        changes[name] = _convert(source, name, value, types[name])
    try:
        return dataclasses.replace(settings, **changes)
    except UsageError as error:
        name, _, problem = str(error).partition(" ")  # every message begins with the name
        raise UsageError(f"{source}: {_written_name(source, name)} {problem}") from None


def _convert(source: str, name: str, value: object, type_name: str) -> object:
    type_name = type_name.removesuffix(" | None")
    is_boolean = type_name == "bool"
    if is_boolean:
        if isinstance(value, bool):
            return value
        if str(value).lower() in _BOOLEANS:
            return _BOOLEANS[str(value).lower()]
    target = {"int": int, "float": float}.get(type_name, str)
    fits = (
        isinstance(value, str)
        or (target is float and isinstance(value, (int, float)))
        or (target is int and isinstance(value, int))
    )
    try:
        if not fits or isinstance(value, bool) or is_boolean:
            raise ValueError
        return target(value)
    except ValueError:
        raise UsageError(
            f"{source}: {_written_name(source, name)} is {value!r}; "
            f"expected {'true or false' if is_boolean else type_name}"
        ) from None
