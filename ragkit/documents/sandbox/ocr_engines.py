"""Engines that recognise text in images, each a process of its own: tesseract, or RapidOCR.

Tesseract is used where it is installed. RapidOCR comes with the extra `ocr`, with its models in the
package, and serves where tesseract is not. An engine sees grey pixels that the reader made, and
nothing of a file. Its process has limits of time and, on Linux, of memory.
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

from ragkit.documents.ocr import Image, OcrLimits, Recognised
from ragkit.documents.sandbox.processes import environment, hide_window, limit_memory
from ragkit.errors import UsageError

NAMES = ("tesseract", "rapidocr")  # the first that is here is used
_NO_LANGUAGES = frozenset({"osd", "equ", "snum"})  # what tesseract lists beside them
_FEW = 4  # languages: so many are looked for where none is chosen
_LEAST_CONFIDENCE = 30.0  # words below are specks and rules
_VARIABLES = ("TESSDATA_PREFIX",)
logger = logging.getLogger("ragkit")
_LANGUAGES = re.compile(r"[\w/-]+(?:\+[\w/-]+){0,19}")


class Engine(Protocol):
    """What recognises text, on one thread; `stop` may come from any."""

    name: str  # with its version
    languages: str | None

    def recognise(self, image: Image) -> Recognised:
        """The text of an image. Raises nothing for what it shows."""

    def stop(self) -> None:
        """End its process at once. It can be used again."""


@dataclass(frozen=True, slots=True)
class OcrChoice:
    """Which engine the user wants, for which languages, and what it may cost."""

    engine: str | None = None  # of NAMES; None: the first that is here
    languages: str | None = None  # "eng+deu"; None: those that are installed, if they are few
    limits: OcrLimits = field(default_factory=OcrLimits)

    def here(self) -> str | None:
        """The engine that would be used, by its name; None where none is installed."""
        wanted = NAMES if self.engine is None else (self.engine,)
        return next((name for name in wanted if HERE[name]()), None)

    def described(self) -> str | None:
        """What decides how pages are recognised, in words; None where they are not."""
        engine = self.here()
        if engine is None or not self.limits.pages:
            return None
        images = "" if importlib.util.find_spec("PIL") else ", pages of PDF alone"
        return f"{engine} {self.languages or 'by itself'}{images}"


def find(choice: OcrChoice) -> Engine | None:
    """The engine that is to be used; None where there is none and none was asked for.

    Raises UsageError where the one that was asked for, or a language, is not installed.
    """
    name = choice.here()
    if name is None and choice.engine is not None:
        raise UsageError(f"ocr_engine is {choice.engine}, which is not installed")
    if name is None:
        return None
    try:
        return ENGINES[name](choice)
    except UsageError as error:
        if choice.engine is not None or choice.languages is not None:
            raise
        logger.warning("text in images is not recognised: %s", error)  # nobody asked for it
        return None


def tesseract_program() -> str | None:
    """Where tesseract is installed; never in the working folder."""
    found = shutil.which("tesseract")
    if found is not None and Path(found).parent.resolve() != Path.cwd().resolve():
        return found
    usual = Path(os.environ.get("PROGRAMFILES", ""), "Tesseract-OCR", "tesseract.exe")
    return str(usual) if sys.platform == "win32" and usual.is_file() else None


class Tesseract:
    """The `tesseract` program, started for each page."""

    def __init__(self, program: str, wanted: str | None, limits: OcrLimits) -> None:
        self._program, self._limits = program, limits
        self._process: subprocess.Popen[bytes] | None = None
        told = self._ask("--version").split()
        self.name = f"tesseract {told[1]}" if len(told) > 1 else "tesseract"
        self.languages: str | None = _languages(self._ask("--list-langs"), wanted)

    def _ask(self, option: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 (the program that the user has installed)
                [self._program, option],
                capture_output=True,
                env=environment(_VARIABLES),
                timeout=20,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{self._program} {option} does not work: {error}") from error
        return (done.stdout or done.stderr).decode(errors="replace")

    def recognise(self, image: Image) -> Recognised:
        """See `Engine`."""
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
            return Recognised(reason=f"tesseract does not start: {error.strerror}")
        self._process = process
        try:
            limit_memory(process.pid, self._limits.memory_mb)
            shape = b"P5\n%d %d\n255\n" % (image.width, image.height)
            out, told = process.communicate(shape + image.pixels, self._limits.seconds)
        except subprocess.TimeoutExpired:
            return Recognised(reason=f"took longer than {self._limits.seconds:g} s")
        finally:
            self._process = None
            process.kill()
            process.communicate()
        if process.returncode != 0:
            why = " ".join(told.decode(errors="replace").split())[-100:]
            return Recognised(reason=f"tesseract failed: {why or process.returncode}")
        return from_tsv(out.decode(errors="replace"))

    def stop(self) -> None:
        """See `Engine`."""
        process = self._process
        if process is not None:
            process.kill()


def _languages(told: str, wanted: str | None) -> str:
    """Which languages tesseract is to look for, of those that it lists."""
    installed = {line.strip() for line in told.splitlines()[1:]} - _NO_LANGUAGES - {""}
    if wanted is not None:
        lacking = [each for each in wanted.split("+") if each not in installed]
        if lacking or not _LANGUAGES.fullmatch(wanted):
            raise UsageError(
                f"ocr_languages is {wanted!r}; tesseract has: {'+'.join(sorted(installed))}"
            )
        return wanted
    letters = sorted(each for each in installed if "/" not in each)
    if not letters:
        raise UsageError("tesseract has no language installed, not even eng")
    if len(letters) > _FEW:
        return "eng" if "eng" in letters else letters[0]
    return "+".join(sorted(letters, key=lambda each: (each != "eng", each)))


def from_tsv(table: str) -> Recognised:
    """The text of the table that tesseract writes: a row for each block, line and word."""
    paragraphs: dict[tuple[str, ...], dict[str, list[str]]] = {}
    sure: list[tuple[float, int]] = []
    for row in table.split("\n")[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        try:
            confidence = float(cells[10])
        except ValueError:
            continue
        if confidence < _LEAST_CONFIDENCE:
            continue
        word = cells[11].strip()
        lines = paragraphs.setdefault((cells[2], cells[3]), {})
        lines.setdefault(cells[4], []).append(word)
        sure.append((confidence, len(word)))
    text = "\n\n".join(
        "\n".join(" ".join(words) for words in lines.values()) for lines in paragraphs.values()
    )
    return Recognised(text, mean(sure))


def mean(values: list[tuple[float, int]]) -> float | None:
    """Of values with their weights; None of none."""
    weight = sum(size for _, size in values)
    return round(sum(value * size for value, size in values) / weight, 1) if weight else None


def _tesseract(choice: OcrChoice) -> Engine:
    program = tesseract_program()
    if program is None:  # it has just gone
        raise UsageError("tesseract is not installed")
    return Tesseract(program, choice.languages, choice.limits)


def _rapid(choice: OcrChoice) -> Engine:
    from ragkit.documents.sandbox.rapidocr import Rapid

    return Rapid(choice.limits)


def _rapid_is_here() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


# Whether an engine is installed.
HERE: dict[str, Callable[[], bool]] = {
    "tesseract": lambda: tesseract_program() is not None,
    "rapidocr": _rapid_is_here,
}
# How one is made. Raises UsageError where it, or a language, is not installed.
ENGINES: dict[str, Callable[[OcrChoice], Engine]] = {"tesseract": _tesseract, "rapidocr": _rapid}
