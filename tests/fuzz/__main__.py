"""`python -m tests.fuzz`: the large run, with a table of what came of it.

Files that went wrong are kept in a folder. Ends with 1 where there are any, where a file took over
ten seconds of processor time, or where a worker grew by over 1 GiB.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import SECONDS, fuzz

parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
parser.add_argument("--mutations", type=int, default=10_000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--formats", nargs="*", help="extensions; all where none is named")
chosen = parser.parse_args()

with tempfile.TemporaryDirectory() as name:
    found = fuzz(chosen.mutations, chosen.seed, Path(name), chosen.formats)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
times = sorted(found.seconds, reverse=True)
print(f"{sum(found.outcomes.values())} files: {dict(found.outcomes)}")
slowest = ", ".join(f"{seconds:.2f} s {name}" for seconds, name in times[:5])
print(f"slowest, in processor time: {slowest}")
print(f"over {SECONDS:.0f} s: {sum(seconds > SECONDS for seconds, _ in times)}")
print(f"workers replaced: {len(found.replaced)} {' '.join(found.replaced[:20])}")
print(f"largest worker: {peak:.0f} MB")
for reason, count in found.reasons.most_common(40):
    print(f"{count:7} {reason}")
if found.wrong:
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for name, why, data in found.wrong:
        (kept / name).write_bytes(data)
        print(f"WRONG {name}: {why}")
    print(f"kept in {kept}")
sys.exit(bool(found.wrong) or times[0][0] > SECONDS or peak > 1100)
