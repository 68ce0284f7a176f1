"""Peak memory of indexing as the folder grows: the complete `ragkit index`, then everything except
the encoder, which random vectors replace, for larger folders."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.commands.ingest import write_files
from bench.commands.ratio_child import RandomEncoder
from bench.process import measure, ragkit


def index_without_encoder(folder: str, collection_folder: str) -> None:
    """Index the folder with random vectors; runs in the child processes of the second table."""
    from ragkit import Collection

    with Collection(collection_folder, encoder=RandomEncoder()) as collection:
        collection.index(folder)


def print_table(sizes: Sequence[int], command) -> None:
    print("\n| passages | wall s | peak MB | database MB |\n|---|---|---|---|")
    for passages in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder, collection_folder = Path(name) / "notes", Path(name) / "kit"
            write_files(folder, passages)
            run = measure(command(str(folder), str(collection_folder)))
            size = (collection_folder / "ragkit.db").stat().st_size / 1e6
            print(f"| {passages:,} | {run.wall:.1f} | {run.peak:.0f} | {size:.1f} |", flush=True)


def main() -> None:
    print_table(
        (100, 1_000, 10_000),
        lambda folder, collection_folder: ragkit("-c", collection_folder, "index", folder),
    )
    print("\nEverything except the encoder:")
    child = (
        "import sys; from bench.commands.memory import index_without_encoder as run; "
        "run(*sys.argv[1:])"
    )
    print_table(
        (1_000, 10_000, 30_000, 60_000),
        lambda folder, collection_folder: [sys.executable, "-c", child, folder, collection_folder],
    )
