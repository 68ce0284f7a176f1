"""Reads mutated files as `index` does, and counts the results."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.documents.ocr import OcrText, PageImage
from ragkit.documents.sandbox.sandbox import ReadLimits, Sandbox
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import FileTask
from ragkit.ingest.reading import ReadContext, read
from ragkit.ingest.scan import ScannedFile
from ragkit.settings import Settings
from tests.conftest import WordEncoder
from tests.fuzz.corpus import corpus
from tests.fuzz.mutations import mutate

MAX_SECONDS = 10.0  # of processor time, for a file: `python -m tests.fuzz` reports those above
READ_SECONDS = 60.0  # of wall time: only a reader that hangs takes so long on a busy machine
MEMORY_MB = 1024


@dataclass
class Findings:
    """The results of all files, and the files with wrong results."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: list[tuple[float, str]] = field(default_factory=list)  # of processor time
    replaced: list[str] = field(default_factory=list)  # files that killed a worker
    wrong: list[tuple[str, str, bytes]] = field(default_factory=list)  # (name, why, content)


class _Engine:
    """Recognises the same text on every page."""

    name, languages = "none 1", None

    def recognise(self, image: PageImage) -> OcrText:
        assert len(image.pixels) == image.width * image.height
        return OcrText("Words.", 90.0)

    def stop(self) -> None:
        pass


def fuzz(mutations: int, seed: int, folder: Path, formats: list[str] | None = None) -> Findings:
    """Mutate files, the formats in turn, and read them. A seed gives the same mutations."""
    files = {name: content for name, content in corpus().items() if not formats or name in formats}
    options = IndexOptions.from_settings(Settings(passage_tokens=40, overlap=0.1))
    context = ReadContext(options, ReadSettings("fuzz"), WordEncoder)
    limits = ReadLimits(seconds=READ_SECONDS, memory_mb=MEMORY_MB)
    sandbox = Sandbox(limits, _Engine())
    findings = Findings()
    order = sorted(files)
    try:
        for number in range(mutations):
            chance = random.Random(f"{seed} {number}")
            files_of_format = files[order[number % len(order)]]
            origin = chance.choice(sorted(files_of_format))
            name = f"{number}-{origin.rpartition('/')[2]}"
            if chance.random() < 0.05:  # with the extension of another format
                name += f".{chance.choice(order)}"
            data = mutate(files_of_format[origin], chance)
            with_records = replace(options, records=chance.random() < 0.1)
            by_records = replace(context, options=with_records)
            _read(name, data, by_records, sandbox, folder, findings)
    finally:
        sandbox.close()
    return findings


def _read(
    name: str, data: bytes, context: ReadContext, sandbox: Sandbox, folder: Path, findings: Findings
) -> None:
    path = folder / name
    path.write_bytes(data)
    before = _process(sandbox)
    started = _processor(sandbox)
    try:
        reading = read(
            FileTask(str(folder), ScannedFile(name, len(data), 0, 0), None), context, sandbox
        )
    except Exception as error:
        findings.wrong.append((name, f"raised {type(error).__name__}: {error}", data))
        return
    finally:
        path.unlink()
    findings.seconds.append((_processor(sandbox) - started, name))
    if before is not None and _process(sandbox) != before:
        findings.replaced.append(name)
    outcome = "read" if reading.parts else "skipped" if reading.skipped else "failed"
    findings.outcomes[outcome] += 1
    reasons = [unread.reason for unread in reading.unread] + [reading.reason] * (not reading.parts)
    for reason in reasons:
        findings.reasons[_sort(reason or "")] += 1
        if not reason or "reader" in reason or "took longer" in reason:
            findings.wrong.append((name, reason or "no reason", data))
    for part in reading.parts:
        text = part.document.text
        if any(p.text != text[p.start : p.end] for p in part.passages):
            findings.wrong.append((name, "passages that are not the text's", data))


def _processor(sandbox: Sandbox) -> float:
    """Return the processor seconds used so far by this process and the worker. Other load on the
    machine does not count."""
    used = time.process_time()
    worker = _process(sandbox)
    if worker is not None and sys.platform == "linux":
        with contextlib.suppress(OSError):  # it has just died
            stat = Path(f"/proc/{worker}/stat").read_text()
            user, system = stat.rpartition(")")[2].split()[11:13]
            used += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return used


def _process(sandbox: Sandbox) -> int | None:
    return sandbox._worker._process.pid if sandbox._worker is not None else None


def _sort(reason: str) -> str:
    """Return the reason without the parts that differ between files."""
    return " ".join("N" if any(map(str.isdigit, word)) else word for word in reason.split())[:60]
