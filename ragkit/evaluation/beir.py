"""Labelled sets and figures: a folder in BEIR's layout, and how good rankings of it are.

Contract: `read` gives the rows, the questions and the judgements of a folder; `measures` is what
trec_eval says of a run, through ir-measures; `write_run` writes a run as TREC programs read it. A
run is query id → document id → score. Knows no collection, no encoder and no ranking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import UnavailableError, UsageError

MEASURES = ("nDCG@10", "MRR@10", "R@10", "R@100")
DEPTH = 100  # documents of each question that are ranked
CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"

Run = Mapping[str, Mapping[str, float]]  # query id → document id → score


@dataclass(frozen=True, slots=True)
class Row:
    """A document of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A folder in BEIR's layout; of its questions only those that anybody judged."""

    folder: Path
    queries: Mapping[str, str]  # id → text
    qrels: Mapping[str, Mapping[str, int]]  # query id → document id → grade, 0 for "not relevant"

    def rows(self) -> Iterator[Row]:
        """The corpus, row by row. Raises UsageError with the line that cannot be read."""
        seen: set[str] = set()
        for place, row in _json_lines(self.folder / CORPUS):
            found = Row(_word(place, row), _text(place, row, "title"), _text(place, row, "text"))
            if found.id in seen:
                raise UsageError(f"{place}: the _id {found.id!r} was there before")
            seen.add(found.id)
            yield found


def read(folder: str | Path) -> LabelledSet:
    """The labelled set in a folder. Raises UsageError: no such folder, a file or value missing."""
    folder = Path(folder).expanduser()
    missing = [name for name in (CORPUS, QUERIES, QRELS) if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder} has no {' and no '.join(missing)}; expected a folder in BEIR's layout: "
            f"{CORPUS}, {QUERIES} and {QRELS}"
        )
    texts = {
        _word(place, row): _text(place, row, "text") for place, row in _json_lines(folder / QUERIES)
    }
    qrels = _judgements(folder / QRELS)
    if unknown := sorted(qrels.keys() - texts.keys()):
        raise UsageError(f"{folder / QRELS} judges the query {unknown[0]!r}, which {QUERIES} lacks")
    return LabelledSet(folder, {each: texts[each] for each in texts if each in qrels}, qrels)


def measures(qrels: Mapping[str, Mapping[str, int]], run: Run) -> dict[str, float]:
    """The mean of each of MEASURES over all judged questions; a question without answers has 0.

    nDCG (Järvelin and Kekäläinen, 2002) takes the grade as the gain, as trec_eval does; for the
    others any grade from 1 is relevant. Raises UnavailableError where ir-measures is missing.
    """
    try:
        import ir_measures
    except ModuleNotFoundError:
        raise UnavailableError(
            'ragkit eval needs ir-measures: pip install "ragkit[eval]"'
        ) from None
    named = {"MRR@10": ir_measures.RR @ 10, "nDCG@10": ir_measures.nDCG @ 10}
    named |= {"R@10": ir_measures.R @ 10, "R@100": ir_measures.R @ 100}
    found = ir_measures.calc_aggregate([named[each] for each in MEASURES], qrels, run)
    return {each: float(found[named[each]]) for each in MEASURES}


def write_run(path: str | Path, run: Run, tag: str) -> None:
    """A run as TREC has it, each question best first.

    Raises UsageError where the file cannot be written, or an id holds white space.
    """
    lines = "".join(f"{line}\n" for line in run_lines(run, tag))
    try:
        Path(path).expanduser().write_text(lines, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def run_lines(run: Run, tag: str) -> Iterator[str]:
    """The lines of a TREC run: `query Q0 document rank score tag`."""
    for query, scores in run.items():
        for rank, (document, score) in enumerate(scores.items(), start=1):
            if len(f"{query} {document}".split()) != 2:
                raise UsageError(f"a TREC run cannot hold the id {query!r} or {document!r}")
            yield f"{query} Q0 {document} {rank} {score:.9g} {tag}"


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, object) of each line that is not empty."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{place} is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise UsageError(f"{place} holds no JSON object, as every line should")
            yield place, row


def _word(place: str, row: Mapping[str, Any]) -> str:
    found = row.get("_id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str) or not found:
        raise UsageError(f"{place}: _id is {found!r}; expected a string that is not empty")
    return found


def _text(place: str, row: Mapping[str, Any], name: str) -> str:
    """A text field as a document may hold it; no title is an empty one."""
    found = row.get(name, "" if name == "title" else None)
    if not isinstance(found, str):
        raise UsageError(f"{place}: {name} is {found!r}; expected a string")
    return found.encode("utf-8", "replace").decode().replace("\0", " ")


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except ValueError as error:
        raise UsageError(f"{path} is not UTF-8: {error}") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if (number == 1 and fields[0] == "query-id") or not line.strip():
            continue
        try:
            query, document, grade = fields
            qrels.setdefault(query, {})[document] = int(grade)
        except ValueError:
            raise UsageError(
                f"{path}:{number} is {line!r}; expected query-id, corpus-id and a whole number, "
                "with tabs between"
            ) from None
    if not qrels:
        raise UsageError(f"{path} holds no judgement")
    return qrels
