"""One function for each kind of fault: set the collection up, inject, check, run again, check.

Each takes a `Workplace` and a seed and returns a `Verdict`: what happened, and problems. A case is
repeatable: the seed decides everything but the moments that depend on the speed of the machine.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults import checker, crash_images, sources
from tests.faults.checker import Hits
from tests.faults.crash_images import Disk
from tests.faults.processes import REPOSITORY, Ended, ForkServer
from tests.faults.shim import Fault
from tests.faults.sources import Texts, write_version

STORED = Path(__file__).parent.parent / "storage" / "sqlite" / "collections"
REMEDIES = ("ragkit ", "Move ", "again", "Free ", "remove the cause", "Upgrade", "try ", "close ")


@dataclass(slots=True)
class Verdict:
    """What happened in a case, in a word or two, and what is wrong; nothing: it has passed."""

    outcome: str
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """An operation on a collection, with the texts before and after it."""

    name: str
    operation: str
    before: Texts
    after: Texts
    arguments: dict[str, Any] = field(default_factory=dict)
    schema: int | None = None  # of the stored collection that it begins with


class Workplace:
    """A server of child processes and folders of its own. One collection is worked on at a time,
    always at the same path; states before a change are prepared once and copied."""

    def __init__(self, folder: Path, server: ForkServer, case: Path | None = None) -> None:
        self.folder, self.server = folder, server
        self.case = case or folder / "case"
        self.collection_folder, self.source = self.case / "kit", self.case / "source"
        self._fresh: dict[str, Hits] = {}
        self._durations: dict[str, tuple[float, int]] = {}

    def prepare(self, change: Change) -> None:
        """Make the collection and its source as they are just before the change."""
        key = checker.digest(change.before) if change.schema is None else f"schema{change.schema}"
        stored = self.folder / f"before-{key}"
        shutil.rmtree(self.case, ignore_errors=True)
        if not stored.exists():
            self.case.mkdir()
            self.source.mkdir()
            if change.schema is not None:
                _unpack_stored(change.schema, self.collection_folder)
            elif change.before:
                sources.write(self.source, change.before)
                self.complete(
                    self.server.run("index", self.collection_folder, self.source), "preparing"
                )
                if problems := checker.problems_of_state(
                    checker.read(self.collection_folder), change.before
                ):
                    raise AssertionError(f"preparing without a fault: {problems}")
            shutil.copytree(self.case, stored, symlinks=True)
        else:
            shutil.copytree(stored, self.case, symlinks=True)
        if change.name == "lost indexes":
            for path in self.collection_folder.iterdir():
                if path.name.startswith(("vectors-", "words-")):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        if change.schema is None and change.operation != "remove":
            sources.write(self.source, change.after, change.before)

    def prepare_changed(self, change: Change) -> None:
        """Make the collection and its source as they are after the change, without a fault."""
        stored = self.folder / f"after-{change.name}-{checker.digest(change.after)}"
        if not stored.exists():
            self.prepare(change)
            self.complete(self.run(change), change.name)
            shutil.copytree(self.case, stored, symlinks=True)
            return
        shutil.rmtree(self.case, ignore_errors=True)
        shutil.copytree(stored, self.case, symlinks=True)

    def run(self, change: Change, fault: Fault | None = None, **limits: Any) -> Ended:
        return self.start(change, fault, **limits).wait()

    def start(self, change: Change, fault: Fault | None = None, **limits: Any) -> Any:
        return self.server.start(
            change.operation,
            self.collection_folder,
            self.source,
            fault,
            **limits,
            **change.arguments,
        )

    def measure(self, change: Change) -> tuple[float, dict[str, int]]:
        """Return the seconds and the calls of a change without a fault."""
        if change.name not in self._durations:
            self.prepare(change)
            started = time.monotonic()
            ended = self.complete(self.run(change), change.name)
            self._durations[change.name] = time.monotonic() - started, dict(ended.counts)
        return self._durations[change.name]

    @staticmethod
    def complete(ended: Ended, what: str) -> Ended:
        if ended.result is None:
            raise AssertionError(f"{what} without a fault: {ended.complaint or ended.error}")
        return ended

    def fresh_hits(self, texts: Texts) -> Hits:
        """Return the hits of a new collection of these texts."""
        key = checker.digest(texts)
        if key not in self._fresh:
            folder = self.folder / "fresh"
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "source").mkdir(parents=True)
            sources.write(folder / "source", texts)
            paths = (folder / "kit", folder / "source")
            self.complete(self.server.run("index", *paths), "a fresh collection")
            ended = self.complete(self.server.run("search", *paths), "searching it")
            assert ended.result is not None
            self._fresh[key] = ended.result["hits"]
        return self._fresh[key]

    def migrated_hits(self, change: Change) -> Hits:
        """Return the hits of a stored collection that was migrated without a fault."""
        if change.name not in self._fresh:
            self.prepare(change)
            ended = self.complete(
                self.server.run("search", self.collection_folder, self.source), change.name
            )
            assert ended.result is not None
            self._fresh[change.name] = ended.result["hits"]
        return self._fresh[change.name]

    def check_hits(self, change: Change) -> list[str]:
        """Search the collection and compare with a fresh one."""
        ended = self.server.run("search", self.collection_folder, self.source)
        if ended.result is None:
            return [f"search: {ended.complaint or ended.error}"]
        contents = checker.read(self.collection_folder)
        if change.schema is None:
            fresh = self.fresh_hits(change.after)
        else:  # its formats are read in another way now
            fresh = self.migrated_hits(change)
        return checker.problems_of_hits(ended.result["hits"], fresh, contents)

    def check_recovery(self, change: Change, ended: Ended, marks: list[str]) -> list[str]:
        """Check after an interrupted or failed change, run it again, and check again."""
        problems = [ended.complaint] if ended.complaint else []
        contents = checker.read(self.collection_folder)
        crash = checker.problems_after_crash(contents, change.before, change.after, marks)
        problems += [f"after the fault: {problem}" for problem in crash]
        again = self.run(change)
        # What was removed is not there any more, and a finished backup is not overwritten.
        done = again.error is not None and again.error["type"] == "UsageError"
        if again.result is None and not (done and change.operation in ("remove", "backup")):
            problems.append(f"the same command again: {again.complaint or again.error}")
        kits = [self.collection_folder] + [self.case / "backup"] * (change.operation == "backup")
        for collection_folder in kits:
            state = checker.problems_of_state(checker.read(collection_folder), change.after)
            problems += [
                f"{collection_folder.name} after running again: {problem}" for problem in state
            ]
        return problems or self.check_hits(change)


def changes(seed: int) -> dict[str, Change]:
    """Return the changes that faults are injected into, by name."""
    count = 4 if seed % 2 else 12
    first = sources.make(seed, count)
    later = sources.change(first, seed, share=0.15)  # few: index files are kept and added to
    rewritten = sources.change(first, seed + 1, share=0.8)
    paths = sorted(first)[:: 2 if seed % 3 else 4]
    kept = {path: text for path, text in first.items() if path not in paths}
    acknowledge = {"acknowledge": True}
    changes = [
        Change("index", "index", {}, first, acknowledge),
        Change("update", "index", first, later, acknowledge),
        Change("index rewrite", "index", first, rewritten, acknowledge),
        Change("rebuild", "index", first, first, {"acknowledge": True, "rebuild": True}),
        Change("remove", "remove", first, kept, {"paths": paths}),
        *(
            Change(
                f"migration {schema}",
                "migrate",
                _stored_texts(schema),
                _stored_texts(schema),
                schema=schema,
            )
            for schema in (1, 2)
        ),
        Change("lost indexes", "search_and_index", first, first),
        Change("serve", "serve", first, later),
        Change("backup", "backup", first, first),
    ]
    return {change.name: change for change in changes}


def _unpack_stored(schema: int, collection_folder: Path) -> None:
    """Unpack a collection of an earlier version."""
    with tarfile.open(STORED / f"schema-{schema}.tar.gz") as archive:
        archive.extractall(collection_folder, filter="data")


@cache
def _stored_texts(schema: int) -> Texts:
    """Return the documents of a stored collection."""
    with tempfile.TemporaryDirectory() as name:
        _unpack_stored(schema, Path(name))
        return checker.read(Path(name)).texts


# The kinds of cases ------------------------------------------------------------------------------


def kill(place: Workplace, seed: int, name: str) -> Verdict:
    """SIGKILL: at a random call that changes a file, or at a random moment."""
    chance = random.Random(f"kill {seed} {name}")
    change = changes(seed % 8)[name]
    duration, calls = place.measure(change)
    place.prepare(change)
    if calls.get("all") and chance.random() < 0.5:
        ended = place.run(change, Fault(kill_at=chance.randrange(1, calls["all"] + 1)))
    else:
        child = place.start(change)
        time.sleep(chance.random() * duration)
        child.kill()
        ended = child.wait()
    outcome = "killed" if ended.signal else "had finished"
    return Verdict(outcome, place.check_recovery(change, ended, []))


def power_cut(place: Workplace, seed: int, name: str) -> Verdict:
    """A power cut at a random call of a recorded run, and one of the states that the disk holds.

    Seed 0: all that was not flushed is lost, just after the command has reported success.
    """
    chance = random.Random(f"power {seed} {name}")
    change = changes(seed % 8)[name]
    place.prepare(change)
    disk = Disk(place.case)
    log = place.folder / "calls.log"
    place.complete(place.run(change, Fault(log=str(log))), name)
    calls = crash_images.read_log(log)
    for call in calls[: chance.randrange(len(calls) + 1) if seed else None]:
        disk.apply(call)
    strategy = chance.choice(crash_images.STRATEGIES) if seed else "lost"
    disk.crash(place.case, strategy, chance)
    ended = Ended({}, None, 0, None, "", {})
    return Verdict(strategy, place.check_recovery(change, ended, disk.marks))


def failing_call(
    place: Workplace, seed: int, name: str, kind: str, nth: int, permanently: bool, error: str
) -> Verdict:
    """The nth call of a kind fails, once or from then on."""
    change = changes(seed)[name]
    place.prepare(change)
    ended = place.run(change, Fault(kind, nth, permanently, error))
    outcome = "no error" if ended.result is not None else "an error with a remedy"
    return Verdict(outcome, place.check_recovery(change, ended, []))


def full_disk(place: Workplace, seed: int, name: str) -> Verdict:
    """The disk is full after so many bytes."""
    chance = random.Random(f"full {seed} {name}")
    change = changes(seed % 8)[name]
    place.prepare(change)
    ended = place.run(change, Fault(budget=int(2 ** chance.uniform(8, 20))))
    outcome = "no error" if ended.result is not None else "an error with a remedy"
    return Verdict(outcome, place.check_recovery(change, ended, []))


def little_memory(place: Workplace, seed: int, name: str) -> Verdict:
    """The process may allocate only a few megabytes more. Native code may end the process, and
    tantivy, which starts a thread for every index that it opens, prints that it cannot."""
    chance = random.Random(f"memory {seed} {name}")
    change = changes(seed % 8)[name]
    place.prepare(change)
    ended = place.run(change, memory=int(2 ** chance.uniform(18, 28)))
    problems = place.check_recovery(change, ended, [])
    printed = str(ended.complaint).startswith("printed: ") and "Traceback" not in ended.output
    if ended.signal == 6 or (ended.error is not None and printed):  # by native code
        problems = [problem for problem in problems if problem != ended.complaint]
    outcome = "no error" if ended.result is not None else "ended" if ended.signal else "an error"
    return Verdict(outcome, problems)


def damaged(place: Workplace, seed: int, target: str, how: str) -> Verdict:
    """A bit of a file is flipped, or the file is cut: `target` is database, log, vectors,
    codes or words."""
    chance = random.Random(f"damage {seed} {target} {how}")
    change = changes(2 * seed % 8)["update"]
    if target == "codes":
        change = replace(change, name="update with codes", arguments={"codes": True})
    texts = change.after
    if target == "log":  # a process that was killed has left its write-ahead log
        calls = place.measure(change)[1]["all"]
        for share in (chance.uniform(0.3, 0.8), 0.2, 0.1):
            place.prepare(change)
            before = (place.collection_folder / "ragkit.db").read_bytes()
            place.run(change, Fault(kill_at=int(calls * share)))
            if before == (place.collection_folder / "ragkit.db").read_bytes():
                break  # it was not merging the log: both halves of that cannot be missing
    else:
        place.prepare_changed(change)
    path = _target(place.collection_folder, target, chance)
    if path is None:
        return Verdict("no such file")
    damage(path, how, chance)
    return Verdict(*_after_damage(place, change, texts, target))


def _target(collection_folder: Path, target: str, chance: random.Random) -> Path | None:
    patterns = {"database": "ragkit.db", "log": "ragkit.db-wal", "vectors": "vectors-*.faiss",
                "codes": "vectors-*.codes", "words": "words-*/*"}  # fmt: skip
    files = [
        path for path in sorted(collection_folder.glob(patterns[target])) if path.stat().st_size
    ]
    return chance.choice([path for path in files if path.suffix != ".lock"]) if files else None


def damage(path: Path, how: str, chance: random.Random) -> None:
    """Flip a bit of a file in place, or cut it."""
    size = path.stat().st_size
    if how == "cut":
        os.truncate(path, chance.randrange(size))
        return
    with path.open("r+b") as file:
        at = chance.randrange(size)
        file.seek(at)
        byte = file.read(1)[0] ^ 1 << chance.randrange(8)
        file.seek(at)
        file.write(bytes([byte]))


def _after_damage(
    place: Workplace, change: Change, texts: Texts, target: str
) -> tuple[str, list[str]]:
    codes = target == "codes"
    ended = place.server.run("search", place.collection_folder, place.source, codes=codes)
    fresh = place.fresh_hits(texts)
    problems = []
    if ended.complaint:
        return "broken", [ended.complaint]
    if ended.error is not None:
        if not any(remedy in ended.error["message"] for remedy in REMEDIES):
            problems.append(f"an error without a remedy: {ended.error['message']}")
        if target not in ("database", "log"):
            problems.append(f"a damaged index file is an error: {ended.error['message']}")
        return "an error with a remedy", problems
    assert ended.result is not None
    hits, notices = ended.result["hits"], ended.result["notices"]
    difference = _difference(hits, fresh)
    if target == "log" and difference:  # SQLite ends a log at its first bad frame
        return "an earlier state", place.check_recovery(change, ended, [])
    if difference and not (notices and target == "database" and _are_some_of(hits, fresh)):
        return "broken", [f"silently wrong hits: {difference}"]
    if any("ragkit doctor --repair" in notice for notice in notices):
        place.complete(
            place.server.run("repair", place.collection_folder, place.source), "the remedy"
        )
    again = place.run(change)
    if again.complaint or (again.error is not None and target != "database"):
        problems.append(f"the same command again: {again.complaint or again.error}")
    elif again.result is not None and target != "database":
        problems += checker.problems_of_state(checker.read(place.collection_folder), texts)
        problems = problems or place.check_hits(change)
    elif again.result is not None and notices:
        last = place.server.run("search", place.collection_folder, place.source)
        if last.complaint:
            problems.append(f"searching after the same command: {last.complaint}")
        elif last.result is not None and (difference := _difference(last.result["hits"], fresh)):
            problems.append(f"not repaired by the same command: {difference}")
    return ("noticed" if notices else "no effect"), problems


def _are_some_of(hits: Hits, fresh: Hits) -> bool:
    """Whether all that is shown is right, although something is left out."""
    for key, rows in hits.items():
        expected = {(hit[0], hit[1], hit[2]) for hit in fresh[key]}
        if not {(hit[0], hit[1], hit[2]) for hit in rows} <= expected:
            return False
    return True


def _difference(hits: Hits, fresh: Hits) -> str:
    for key, expected in fresh.items():
        places = {(hit[0], hit[1], hit[2]) for hit in hits[key]}
        if places != {(hit[0], hit[1], hit[2]) for hit in expected}:
            return f"{key}: {sorted(places ^ {tuple(h[:3]) for h in expected})[:2]}"
        scores = sorted(hit[3] for hit in hits[key] if hit[3] is not None)
        others = sorted(hit[3] for hit in expected if hit[3] is not None)
        if any(abs(a - b) > 1e-5 for a, b in zip(scores, others, strict=False)):
            return f"{key}: other scores"
    return ""


def damaged_while_open(place: Workplace, seed: int, target: str, how: str) -> Verdict:
    """An index file is changed in place while a process has it open: it must live, and at most one
    search may be wrong."""
    chance = random.Random(f"open {seed} {target} {how}")
    change = changes(seed % 8)["update"]
    place.prepare_changed(change)
    ready, go = place.folder / "ready", place.folder / "go"
    for path in (ready, go):
        path.unlink(missing_ok=True)
    child = place.server.start(
        "search_around", place.collection_folder, place.source, ready=str(ready), go=str(go)
    )
    child.wait_for(ready)
    path = _target(place.collection_folder, target, chance)
    if path is not None:
        damage(path, how, chance)
    go.touch()
    ended = child.wait()
    if ended.complaint:
        return Verdict("broken", [ended.complaint])
    assert ended.result is not None
    problems = []
    last = ended.result["results"][-1]
    if "error" in last:
        if last["error"] != "planned" or target != "database":
            problems.append(f"the second search: {last}")
    elif difference := _difference(last, place.fresh_hits(change.after)):
        problems.append(f"the second search is wrong: {difference}")
    return Verdict("noticed" if ended.result["notices"] else "no effect", problems)


def clock_jump(place: Workplace, seed: int, name: str) -> Verdict:
    """The clock of the run is years off, and the files are from the future or the past."""
    chance = random.Random(f"clock {seed} {name}")
    change = changes(seed % 8)[name]
    place.prepare(change)
    for path in sorted(change.after):
        if chance.random() < 0.5 and (place.source / path).exists():
            stamp = chance.choice((0, 1, 4_000_000_000, 10_000_000_000, -1_000_000)) * 10**9
            os.utime(place.source / path, ns=(stamp, stamp))
    years = chance.choice((-30, -1, 1, 60)) * 365 * 86_400.0
    ended = place.run(change, clock=years)
    if ended.result is None:
        return Verdict("failed", [str(ended.complaint or ended.error)])
    return Verdict("no error", place.check_recovery(change, ended, ["done"]))


def moving_files(place: Workplace, seed: int) -> Verdict:
    """Files change, grow, vanish and become folders while they are read."""
    chance = random.Random(f"moving {seed}")
    change = changes(seed % 8)["index"]
    place.prepare(change)
    child = place.start(change)
    for _ in range(40):
        path = place.source / chance.choice(sorted(change.after))
        _disturb(path, chance)
        time.sleep(0.002)
    ended = child.wait()
    problems = [ended.complaint] if ended.complaint else []
    if ended.error is not None:
        problems.append(f"the run failed: {ended.error}")
    contents = checker.read(place.collection_folder)
    problems += checker.problems_of_contents(contents, complete=False)
    shutil.rmtree(place.source)
    sources.write(place.source, change.after)
    quiet = Change("index", "index", change.after, change.after, {"prune": True})
    again = place.run(quiet)
    if again.result is None:
        problems.append(f"the run afterwards: {again.complaint or again.error}")
    problems += checker.problems_of_state(checker.read(place.collection_folder), change.after)
    return Verdict("read", problems or place.check_hits(change))


def _disturb(path: Path, chance: random.Random) -> None:
    how = chance.randrange(5)
    try:
        if how == 0 and not path.is_fifo():  # reading a pipe would wait for a writer
            path.write_text(path.read_text(encoding="utf-8") + " More text.", encoding="utf-8")
        elif how == 1:
            os.truncate(path, chance.randrange(40))
        elif how == 2:
            path.unlink()
        elif how == 3:
            path.unlink()
            path.mkdir()
        elif how == 4:
            path.unlink()
            os.mkfifo(path)
    except OSError:  # an earlier disturbance has made it something else
        return


def two_writers(place: Workplace, seed: int) -> Verdict:
    """Two processes index at the same time: one waits or says that the other is writing."""
    change = changes(seed % 8)["update"]
    place.prepare(change)
    children = [place.start(change) for _ in range(2)]
    ends = [child.wait() for child in children]
    problems = [ended.complaint for ended in ends if ended.complaint]
    problems += [
        f"a writer failed: {ended.error}"
        for ended in ends
        if ended.error is not None and ended.error["type"] != "BusyError"
    ]
    if not any(ended.result is not None for ended in ends):
        problems.append("no writer succeeded")
    done = next((ended for ended in ends if ended.result is not None), ends[0])
    outcome = "both wrote" if all(ended.result is not None for ended in ends) else "one was busy"
    return Verdict(outcome, problems + place.check_recovery(change, done, ["done"]))


def readers_and_writer(
    place: Workplace, seed: int, readers: int = 8, versions: int = 5, seconds: float = 0.0
) -> Verdict:
    """Readers search while a writer changes every document, again and again."""
    shutil.rmtree(place.case, ignore_errors=True)
    place.source.mkdir(parents=True)
    for number in range(8):
        write_version(place.source, number, 1)
    place.complete(place.server.run("index", place.collection_folder, place.source), "preparing")
    stop = place.folder / f"stop-{seed}"
    stop.unlink(missing_ok=True)
    paths = (place.collection_folder, place.source)
    children = [place.server.start("read_versions", *paths, stop=str(stop)) for _ in range(readers)]
    writer = place.server.start(
        "write_versions", *paths, stop=str(stop), versions=versions, seconds=seconds
    )
    ends = [writer.wait()]
    stop.touch()
    ends += [child.wait() for child in children]
    problems = [str(ended.complaint or ended.error) for ended in ends if ended.result is None]
    results = [ended.result for ended in ends[1:] if ended.result is not None]
    problems += [f"half updated: {mixed}" for result in results for mixed in result["mixed"]]
    searches = sum(result["searches"] for result in results)
    return Verdict(f"{searches} searches" if seconds else "searched", problems)


def ten_rewrites(place: Workplace, seed: int, rounds: int = 11) -> Verdict:
    """A reader stays open while the collection is rewritten ten times."""
    change = changes(seed % 8)["update"]
    place.prepare(change)
    signals = place.folder / "signals"
    shutil.rmtree(signals, ignore_errors=True)
    signals.mkdir()
    child = place.server.start(
        "follow", place.collection_folder, place.source, signals=str(signals), rounds=rounds
    )
    states, problems = [change.before], []
    sources.write(place.source, change.before, change.after)
    for number in range(rounds):
        (signals / f"go-{number}").touch()
        child.wait_for(signals / f"done-{number}")
        states.append(sources.change(states[-1], 100 * seed + number, share=0.7))
        sources.write(place.source, states[-1], states[-2])
        run = place.server.run("index", place.collection_folder, place.source, prune=True)
        if run.result is None:
            problems.append(f"rewrite {number}: {run.complaint or run.error}")
    ended = child.wait()
    if ended.result is None:
        return Verdict("failed", [*problems, str(ended.complaint or ended.error)])
    for number, hits in enumerate(ended.result["results"]):
        fresh = place.fresh_hits(states[number])
        if difference := _difference(hits, {key: fresh[key] for key in hits}):
            problems.append(f"after rewrite {number}: {difference}")
    descriptors = ended.result["descriptors"]
    if max(descriptors[2:]) > descriptors[1] + 3:
        problems.append(f"open descriptors grow: {descriptors}")
    return Verdict("followed", problems)


def forked_lock(place: Workplace, seed: int) -> Verdict:
    """The writer is killed while a fork of it lives on: the fork must not keep the lock."""
    change = changes(seed % 8)["index"]
    place.prepare(change)
    stop, ready = place.folder / "stop-fork", place.folder / "ready-fork"
    for path in (stop, ready):
        path.unlink(missing_ok=True)
    child = place.server.start(
        "fork_while_writing",
        place.collection_folder,
        place.source,
        stop=str(stop),
        ready=str(ready),
    )
    try:
        child.wait_for(ready)
        child.kill()
        ended = child.wait()
        return Verdict("written again", place.check_recovery(change, ended, []))
    finally:
        stop.touch()


def full_tmpfs(place: Workplace, seed: int) -> Verdict:
    """A real file system in memory fills up; then it gets more room."""
    mounted = place.folder / "tmpfs"
    mounted.mkdir(exist_ok=True)
    size = 160 + 16 * (seed % 20)  # kilobytes; the collection needs more
    command = (
        f"mount -t tmpfs -o size={size}k none {mounted} && "
        f"exec {sys.executable} -m tests.faults.full_tmpfs {mounted} {place.folder} {seed}"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=False,
        cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    if "Operation not permitted" in done.stderr or "not found" in done.stderr:
        return Verdict("cannot mount here")
    if done.returncode:
        return Verdict("failed", [done.stderr[-2000:]])
    return Verdict(**json.loads(done.stdout))


CASES: dict[str, Callable[..., Verdict]] = {
    "kill": kill, "power cut": power_cut, "failing call": failing_call, "full disk": full_disk,
    "little memory": little_memory, "damaged": damaged, "damaged while open": damaged_while_open,
    "clock jump": clock_jump, "moving files": moving_files, "two writers": two_writers,
    "readers and writer": readers_and_writer, "ten rewrites": ten_rewrites,
    "forked lock": forked_lock, "full tmpfs": full_tmpfs,
}  # fmt: skip
