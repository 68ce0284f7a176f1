"""`python -m tests.faults.full_tmpfs MOUNT FOLDER SEED`: one case on a small file system.

Runs in a mount namespace of its own (`cases.full_tmpfs` starts it), so child processes and checks
see the same files. Prints a verdict as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.faults import cases, shim
from tests.faults.cases import Verdict, Workplace
from tests.faults.processes import ForkServer


def main(mounted: Path, folder: Path, seed: int) -> Verdict:
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        ForkServer(Path(name), shim.build()) as server,
    ):
        place = Workplace(Path(name), server, mounted / "case")
        change = cases.changes(seed % 8)["index"]
        place.prepare(change)
        ended = place.run(change)
        subprocess.run(["mount", "-o", "remount,size=64m", str(mounted)], check=True)
        outcome = "no error" if ended.result is not None else "an error with a remedy"
        return Verdict(outcome, place.check_recovery(change, ended, []))


if __name__ == "__main__":
    print(json.dumps(asdict(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))))
