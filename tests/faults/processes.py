"""Child processes that are cheap to start and can be killed: a server that forks itself.

The server imports ragkit once, under the library of `shim.py`, and forks a child for each
operation: 10 ms instead of 700. Children run operations by name and write their result to a file.
`python -m tests.faults.processes LIBRARY` is the server; `ForkServer` is its client.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.faults.hangs import Watch
from tests.faults.shim import Fault

REPOSITORY = Path(__file__).parent.parent.parent
_MODULES = re.compile(r"\n*Extension modules: .*")  # faulthandler lists hundreds
_STACKS = 6000  # characters of stacks and messages that a complaint keeps


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: with a result, with an error, by a signal, or not at all."""

    result: dict[str, Any] | None
    error: dict[str, str] | None  # as `operations.describe`
    signal: int  # 0: none
    hung: str | None  # why it counts as hanging, as `hangs.Watch`
    output: str  # stdout and stderr
    counts: Mapping[str, int]  # calls of each kind, as `shim.counts`

    @property
    def complaint(self) -> str | None:
        """What a user would report as a bug; None if the child did its work or said why not."""
        output = readable(self.output)
        if self.hung:
            return f"hangs ({self.hung}): {output}"
        if self.signal not in (0, signal.SIGKILL):
            return f"died of signal {self.signal}: {output}"
        if self.error is not None and self.error["error"] == "unexpected":
            trace = self.error.get("trace", "")
            return f"unexpected {self.error['type']}: {self.error['message']} {trace}"
        if "Traceback" in self.output or "panicked" in self.output:
            return f"printed: {output}"
        return None


def readable(output: str) -> str:
    """Return the stacks that faulthandler printed without its list of modules, with short paths."""
    short = _MODULES.sub("", output).replace(f"{REPOSITORY}/", "")
    short = re.sub(r'"/[^"]*/((?:site-packages|lib/python[\d.]+)/)', r'"\1', short).strip()
    return short if len(short) <= _STACKS else f"{short[:_STACKS]} …"


class Child:
    """A started child of a `ForkServer`."""

    def __init__(self, server: ForkServer, pid: int, result: Path) -> None:
        self._server, self.pid, self._result = server, pid, result

    def kill(self) -> None:
        """Send SIGKILL; nothing if it has already ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait_for(self, path: Path) -> None:
        """Wait until `path` exists, or until the child has ended or hangs: `wait` then says so."""
        self._server.request({"wait": self.pid, "until": str(path)})

    def wait(self) -> Ended:
        """Wait until it ends. If it hangs (`hangs.Watch`), it is killed."""
        reply = self._server.request({"wait": self.pid})
        status, hung = reply["status"], reply["hung"]
        if hung:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGABRT)  # prints the stacks of all threads
            status = self._server.request({"wait": self.pid, "seconds": 20.0})["status"]
            if status is None:
                self.kill()
                status = self._server.request({"wait": self.pid, "seconds": 20.0})["status"] or 9
        output = self._result.with_suffix(".log")
        text = output.read_text(errors="replace") if output.exists() else ""
        try:
            written = json.loads(self._result.read_text())
        except (OSError, ValueError):
            written = {}
        for path in (self._result, output):
            path.unlink(missing_ok=True)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if not number and not written and not hung:
            written = {"error": {"error": "unexpected", "type": "Exit", "message": text[-1500:]}}
        return Ended(written.get("result"), written.get("error"), number, hung, text,
                     written.get("counts", {}))  # fmt: skip


class ForkServer:
    """A server process whose forks run operations. Use it from one thread, as a context manager."""

    def __init__(self, folder: Path, library: Path | None) -> None:
        """`folder`: for results and for ragkit's user folders. `library`: of `shim.build`."""
        self.folder, self.has_shim = folder, library is not None
        environment = {
            **os.environ, "HF_HUB_OFFLINE": "1", "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": str(REPOSITORY),
            **{f"RAGKIT_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "CACHE")},
        }  # fmt: skip
        if library is not None:
            environment["LD_PRELOAD"] = str(library)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.processes", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=REPOSITORY,
        )  # fmt: skip
        self._number = 0
        self.request({"wait": 0})  # until it has imported everything

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(10)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def request(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(message).encode() + b"\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the server of child processes has died")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def start(
        self, operation: str, collection_folder: Path, source: Path, fault: Fault | None = None,
        *, memory: int | None = None, clock: float = 0.0, **arguments: Any,
    ) -> Child:  # fmt: skip
        """Start an operation of `operations` in a child.

        `memory`: bytes of address space it may use beyond the server's. `clock`: seconds that are
        added to the time of day.
        """
        self._number += 1
        result = self.folder / f"result-{os.getpid()}-{self._number}.json"
        reply = self.request({
            "start": operation, "kit": str(collection_folder), "source": str(source),
            "fault": (fault or Fault()).as_json(), "arguments": arguments, "memory": memory,
            "clock": clock, "result": str(result),
        })  # fmt: skip
        return Child(self, reply["pid"], result)

    def run(self, operation: str, collection_folder: Path, source: Path, **rest: Any) -> Ended:
        """`start` and `wait`."""
        return self.start(operation, collection_folder, source, **rest).wait()


def _child(message: dict[str, Any], has_shim: bool) -> None:
    """Run one operation in this process, which ends afterwards."""
    from tests.faults import shim
    from tests.faults.operations import OPERATIONS, describe, forget

    result = Path(message["result"])
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(result.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.enable()
    subprocess._USE_VFORK = False  # type: ignore[attr-defined]  # it would share the shim's memory
    if message["clock"]:
        _shift_clock(message["clock"])
    if message["memory"] is not None:
        forget()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + message["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if has_shim:
        folders = (str(Path(message["kit"]).parent), message["source"])
        shim.configure(folders, Fault(**message["fault"]))
    written: dict[str, Any] = {}
    try:
        operation = OPERATIONS[message["start"]]
        written["result"] = operation(message["kit"], message["source"], **message["arguments"])
    except BaseException as error:
        import traceback

        written["error"] = {**describe(error), "trace": traceback.format_exc()[-3000:]}
    if has_shim:
        written["counts"] = shim.counts()
        shim.configure(("", ""), Fault())
    result.write_text(json.dumps(written))


def _shift_clock(seconds: float) -> None:
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


def _wait(
    message: dict[str, Any], watches: dict[int, Watch], ended: dict[int, int]
) -> dict[str, Any]:
    """Wait for a child: its end, its hanging, a file, or so many seconds, whatever comes first."""
    pid = message["wait"]
    if not pid:
        return {}
    until = Path(message["until"]) if "until" in message else None
    deadline = time.monotonic() + message["seconds"] if "seconds" in message else None
    hung = None
    while pid not in ended:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended[pid] = status
            break
        if until is not None and until.exists():
            break
        if deadline is None:
            hung = watches[pid].look()
        if hung or (deadline is not None and time.monotonic() > deadline):
            break
        time.sleep(0.002)
    return {"status": ended.get(pid), "hung": hung}


def main(folder: Path) -> None:
    """Serve requests, one JSON object a line, until the input ends."""
    # sqlite_utils imports it where it is installed: 60 MB that every fork would map, for nothing.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    from tests.faults.operations import warm_up

    replies = os.dup(1)
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        warm_up(Path(scratch))
    has_shim = "LD_PRELOAD" in os.environ
    watches: dict[int, Watch] = {}
    ended: dict[int, int] = {}
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "wait" in message:
            reply = _wait(message, watches, ended)
        else:
            pid = os.fork()
            if not pid:
                try:
                    os.close(replies)
                    _child(message, has_shim)
                finally:
                    os._exit(0)
            watches[pid] = Watch(pid)
            ended.pop(pid, None)
            reply = {"pid": pid}
        os.write(replies, json.dumps(reply).encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
