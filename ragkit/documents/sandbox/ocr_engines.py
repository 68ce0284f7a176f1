"""OCR engines: chooses one, and runs tesseract. Each engine is a process of its own.

Tesseract is used if it is installed, else RapidOCR (`rapidocr`), which the extra `ocr` installs
with its models. An engine gets grey pixels that a reader has rendered, and no bytes of a file. Its
process has limits on time and, on Linux, on memory.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ragkit.documents.ocr import OcrLimits, OcrText, PageImage, weighted_mean
from ragkit.documents.sandbox.processes import environment, hide_window, limit_memory
from ragkit.errors import UsageError

NAMES = ("tesseract", "rapidocr")  # the first that is installed is used
_NO_LANGUAGES = frozenset({"osd", "equ", "snum"})  # tesseract lists them among the languages
_MAX_DEFAULT_LANGUAGES = 4  # used together where none is chosen
_MIN_CONFIDENCE = 30.0  # of a word; below, it is a speck or a rule
_VARIABLES = ("TESSDATA_PREFIX",)
logger = logging.getLogger("ragkit")
_LANGUAGES = re.compile(r"[\w/-]+(?:\+[\w/-]+){0,19}")


class OcrEngine(Protocol):
    """An OCR engine that runs in a process of its own. Use it on one thread; `stop` may be called
    from any thread."""

    name: str  # with its version
    languages: str | None  # "eng+deu"; None if it has no choice of languages

    def recognise(self, image: PageImage) -> OcrText:
        """Return the text of an image. A failure is the result's `reason`, not an exception."""

    def stop(self) -> None:
        """End its process at once. The engine can be used again."""


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """The engine and languages that the user has chosen, and limits."""

    engine: str | None = None  # one of NAMES; None: the first that is installed
    languages: str | None = None  # "eng+deu"; None: those that are installed, at most four
    limits: OcrLimits = field(default_factory=OcrLimits)

    def installed_engine(self) -> str | None:
        """Return the name of the engine that would be used; None if it is not installed."""
        names = NAMES if self.engine is None else (self.engine,)
        return next((name for name in names if IS_INSTALLED[name]()), None)

    def describe(self) -> str | None:
        """Return the engine, its languages and what it reads as text; None if no engine is used.

        The text is stored with the collection. If it changes, scanned pages are read again.
        """
        engine = self.installed_engine()
        if engine is None or not self.limits.pages:
            return None
        images = "" if importlib.util.find_spec("PIL") else ", pages of PDF alone"
        return f"{engine} {self.languages or 'by itself'}{images}"


def create_engine(options: OcrOptions) -> OcrEngine | None:
    """Create the engine that the options select; None if they select none and none is installed.

    Raises UsageError if the selected engine, or a language, is not installed.
    """
    name = options.installed_engine()
    if name is None and options.engine is not None:
        raise UsageError(f"ocr_engine is {options.engine}, which is not installed")
    if name is None:
        return None
    try:
        return _ENGINES[name](options)
    except UsageError as error:
        if options.engine is not None or options.languages is not None:
            raise
        logger.warning(
            "text in images is not recognised: %s", error
        )  # the user has not selected it
        return None


def find_tesseract() -> str | None:
    """Return the path of the tesseract program, from `PATH` but never in the working folder."""
    program = shutil.which("tesseract")
    if program is not None and Path(program).parent.resolve() != Path.cwd().resolve():
        return program
    default = Path(os.environ.get("PROGRAMFILES", ""), "Tesseract-OCR", "tesseract.exe")
    return str(default) if sys.platform == "win32" and default.is_file() else None


class Tesseract:
    """The `tesseract` program, started once per page. See `OcrEngine`."""

    def __init__(self, program: str, languages: str | None, limits: OcrLimits) -> None:
        self._program, self._limits = program, limits
        self._process: subprocess.Popen[bytes] | None = None
        version = self._query("--version").split()
        self.name = f"tesseract {version[1]}" if len(version) > 1 else "tesseract"
        self.languages: str | None = _select_languages(self._query("--list-langs"), languages)

    def _query(self, option: str) -> str:
        try:
            process = subprocess.run(  # noqa: S603 (the program that the user has installed)
                [self._program, option],
                capture_output=True,
                env=environment(_VARIABLES),
                timeout=20,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{self._program} {option} does not work: {error}") from error
        return (process.stdout or process.stderr).decode(errors="replace")

    def recognise(self, image: PageImage) -> OcrText:
        """See `OcrEngine`."""
        command = [self._program, "stdin", "stdout", "-l", self.languages or "eng"]
        command += ["--dpi", str(image.dpi), "tsv"]
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment(_VARIABLES), "OMP_THREAD_LIMIT": "1"},  # faster than several
                cwd=os.path.abspath(os.sep),  # noqa: PTH100
                creationflags=hide_window(),
            )
        except OSError as error:
            return OcrText(reason=f"tesseract does not start: {error.strerror}")
        self._process = process
        try:
            limit_memory(process.pid, self._limits.memory_mb)
            header = b"P5\n%d %d\n255\n" % (image.width, image.height)  # of the PGM format
            output, errors = process.communicate(header + image.pixels, self._limits.seconds)
        except subprocess.TimeoutExpired:
            return OcrText(reason=f"took longer than {self._limits.seconds:g} s")
        finally:
            self._process = None
            process.kill()
            process.communicate()
        if process.returncode != 0:
            detail = " ".join(errors.decode(errors="replace").split())[-100:]
            return OcrText(reason=f"tesseract failed: {detail or process.returncode}")
        return parse_tsv(output.decode(errors="replace"))

    def stop(self) -> None:
        """See `OcrEngine`."""
        process = self._process
        if process is not None:
            process.kill()


def _select_languages(listing: str, languages: str | None) -> str:
    """The languages that tesseract recognises: `languages`, or a default from those it lists."""
    installed = {line.strip() for line in listing.splitlines()[1:]} - _NO_LANGUAGES - {""}
    if languages is not None:
        missing = [name for name in languages.split("+") if name not in installed]
        if missing or not _LANGUAGES.fullmatch(languages):
            raise UsageError(
                f"ocr_languages is {languages!r}; tesseract has: {'+'.join(sorted(installed))}"
            )
        return languages
    names = sorted(name for name in installed if "/" not in name)  # no scripts
    if not names:
        raise UsageError("tesseract has no language installed, not even eng")
    if len(names) > _MAX_DEFAULT_LANGUAGES:
        return "eng" if "eng" in names else names[0]
    return "+".join(sorted(names, key=lambda name: (name != "eng", name)))


def parse_tsv(table: str) -> OcrText:
    """Return the text of the table that tesseract writes: one row per block, line and word."""
    paragraphs: dict[tuple[str, ...], dict[str, list[str]]] = {}
    confidences: list[tuple[float, int]] = []
    for row in table.split("\n")[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        try:
            confidence = float(cells[10])
        except ValueError:
            continue
        if confidence < _MIN_CONFIDENCE:
            continue
        word = cells[11].strip()
        lines = paragraphs.setdefault((cells[2], cells[3]), {})
        lines.setdefault(cells[4], []).append(word)
        confidences.append((confidence, len(word)))
    text = "\n\n".join(
        "\n".join(" ".join(words) for words in lines.values()) for lines in paragraphs.values()
    )
    return OcrText(text, weighted_mean(confidences))


def _create_tesseract(options: OcrOptions) -> OcrEngine:
    program = find_tesseract()
    if program is None:  # it has just been removed
        raise UsageError("tesseract is not installed")
    return Tesseract(program, options.languages, options.limits)


def _create_rapidocr(options: OcrOptions) -> OcrEngine:
    from ragkit.documents.sandbox.rapidocr import RapidOcrEngine

    return RapidOcrEngine(options.limits)


def _is_rapidocr_installed() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


# By name: whether an engine is installed, and what creates it.
IS_INSTALLED: dict[str, Callable[[], bool]] = {
    "tesseract": lambda: find_tesseract() is not None,
    "rapidocr": _is_rapidocr_installed,
}
_ENGINES: dict[str, Callable[[OcrOptions], OcrEngine]] = {
    "tesseract": _create_tesseract,
    "rapidocr": _create_rapidocr,
}
