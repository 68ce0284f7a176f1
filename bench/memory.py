"""Peak memory of `ragkit index` as the folder grows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.ingest import make
from bench.process import measure, ragkit


def main() -> None:
    print("\n| passages | wall s | peak MB | database MB |\n|---|---|---|---|")
    for passages in (100, 1_000, 10_000):
        with tempfile.TemporaryDirectory() as name:
            folder, kit = Path(name) / "notes", Path(name) / "kit"
            make(folder, passages)
            run = measure(ragkit("-c", str(kit), "index", str(folder)))
            size = (kit / "ragkit.db").stat().st_size / 1e6
            print(f"| {passages:,} | {run.wall:.1f} | {run.peak:.0f} | {size:.1f} |")
