"""`python -m tests.fuzz`: a large run, with a table of its results.

Files with wrong results are kept in a folder. Exits with 1 if there are any, if a file took over
ten seconds of processor time, or if a worker grew by over 1 GiB.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import MAX_SECONDS, fuzz

parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
parser.add_argument("--mutations", type=int, default=10_000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--formats", nargs="*", help="extensions; all if none is named")
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as name:
    findings = fuzz(arguments.mutations, arguments.seed, Path(name), arguments.formats)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
times = sorted(findings.seconds, reverse=True)
print(f"{sum(findings.outcomes.values())} files: {dict(findings.outcomes)}")
slowest = ", ".join(f"{seconds:.2f} s {name}" for seconds, name in times[:5])
print(f"slowest, in processor time: {slowest}")
print(f"over {MAX_SECONDS:.0f} s: {sum(seconds > MAX_SECONDS for seconds, _ in times)}")
print(f"workers replaced: {len(findings.replaced)} {' '.join(findings.replaced[:20])}")
print(f"largest worker: {peak:.0f} MB")
for reason, count in findings.reasons.most_common(40):
    print(f"{count:7} {reason}")
if findings.wrong:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for name, why, data in findings.wrong:
        (folder / name).write_bytes(data)
        print(f"WRONG {name}: {why}")
    print(f"kept in {folder}")
sys.exit(bool(findings.wrong) or times[0][0] > MAX_SECONDS or peak > 1100)
