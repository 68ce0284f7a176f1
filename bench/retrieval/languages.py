"""Pairs of many languages: whether the right one of two documents comes first.

    python -m bench languages
    RAGKIT_BENCH_PAIRS=FILE         other pairs, one JSON object a line
    RAGKIT_BENCH_MODES=lexical      without the slower hybrid mode

A pair is a query, the document that must be found, and a distractor. It is a hit when the search
returns the document, and before the distractor. Each pair is a collection of its own.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from ragkit import Collection, Settings

PAIRS = Path(__file__).parents[3] / "shared" / "cases" / "languages" / "pairs.jsonl"


def read_pairs() -> list[dict[str, str]]:
    file = Path(os.environ.get("RAGKIT_BENCH_PAIRS", PAIRS))
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def lexical_hit(pair: dict[str, str]) -> bool:
    """Whether keyword search alone ranks the document first."""
    from ragkit.analysis.query_syntax import parse_query
    from ragkit.storage.lexical.index import LexicalIndex

    rows = [(1, pair["distractor"], None), (2, pair["doc"], None)]  # of equal scores 1 comes first
    ids, _ = LexicalIndex.in_memory(rows, 1).top_k(parse_query(pair["query"]), 2)
    return ids.tolist()[:1] == [2]


def hybrid_hit(pair: dict[str, str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "texts")
        source.mkdir()
        for name in ("distractor", "doc"):
            (source / f"{name}.md").write_text(pair[name], encoding="utf-8")
        with Collection(Path(folder, "collection"), settings=Settings()) as collection:
            collection.index([source])
            hits = collection.search(pair["query"], k=2, mode="hybrid")
    return bool(hits) and Path(hits[0].path).name == "doc.md"


def print_table(results: list[tuple[dict[str, str], dict[str, bool]]], field: str) -> None:
    modes = list(results[0][1])
    groups: dict[str, list[dict[str, bool]]] = defaultdict(list)
    for pair, hits in results:
        groups[pair[field]].append(hits)
    print(f"\n| {field} | pairs | {' | '.join(modes)} |\n|---|---|{'---|' * len(modes)}")
    for name, hits in [*sorted(groups.items()), ("all", [hits for _, hits in results])]:
        counts = " | ".join(str(sum(hit[mode] for hit in hits)) for mode in modes)
        print(f"| {name} | {len(hits)} | {counts} |")


def main() -> None:
    measures = {"lexical": lexical_hit, "hybrid": hybrid_hit}
    modes = os.environ.get("RAGKIT_BENCH_MODES", ",".join(measures)).split(",")
    results = [(pair, {mode: measures[mode](pair) for mode in modes}) for pair in read_pairs()]
    for field in ("lang", "kind"):
        print_table(results, field)
    print("\nMissed:")
    for pair, hits in results:
        if not all(hits.values()):
            missed = ", ".join(mode for mode in modes if not hits[mode])
            print(f"{pair['lang']} {pair['kind']} ({missed}): {pair['query']} | {pair['doc']}")
