"""Labelled retrieval datasets in BEIR's layout, retrieval measures, and TREC run files.

`read_dataset` reads corpus, queries and relevance judgements of a folder; `compute_measures`
returns trec_eval's measures of a run with ir-measures; `write_run` writes a run as TREC programs
read it. A run is query id → document id → score. Knows no collection, no encoder and no ranking.

Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval
Models", NeurIPS 2021.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import UnavailableError, UsageError

MEASURES = ("nDCG@10", "MRR@10", "R@10", "R@100")
DEPTH = 100  # documents that are ranked for each query
CORPUS_FILE, QUERIES_FILE, QRELS_FILE = "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"

Qrels = Mapping[str, Mapping[str, int]]  # query id → document id → grade, 0 for "not relevant"
Run = Mapping[str, Mapping[str, float]]  # query id → document id → score


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class LabelledDataset:
    """A folder in BEIR's layout. `queries` are only those that have judgements."""

    folder: Path
    queries: Mapping[str, str]  # id → text
    qrels: Qrels

    def corpus(self) -> Iterator[CorpusDocument]:
        """Yield the documents in file order. Raises UsageError with file and line of an error."""
        seen_ids: set[str] = set()
        for place, row in _json_lines(self.folder / CORPUS_FILE):
            document = CorpusDocument(
                _parse_id(place, row),
                _parse_text(place, row, "title"),
                _parse_text(place, row, "text"),
            )
            if document.id in seen_ids:
                raise UsageError(f"{place}: the _id {document.id!r} occurs twice")
            seen_ids.add(document.id)
            yield document


def read_dataset(folder: str | Path) -> LabelledDataset:
    """Read queries and judgements of the dataset in `folder`; the corpus is read by `corpus()`.

    Raises UsageError for a missing folder or file, and for a line that is not valid.
    """
    folder = Path(folder).expanduser()
    expected = (CORPUS_FILE, QUERIES_FILE, QRELS_FILE)
    missing = [name for name in expected if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder} has no {' and no '.join(missing)}; expected a folder in BEIR's layout: "
            f"{CORPUS_FILE}, {QUERIES_FILE} and {QRELS_FILE}"
        )
    queries = {
        _parse_id(place, row): _parse_text(place, row, "text")
        for place, row in _json_lines(folder / QUERIES_FILE)
    }
    qrels = _read_qrels(folder / QRELS_FILE)
    if unknown := sorted(qrels.keys() - queries.keys()):
        raise UsageError(
            f"{folder / QRELS_FILE} judges the query {unknown[0]!r}, which {QUERIES_FILE} lacks"
        )
    judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    return LabelledDataset(folder, judged, qrels)


def compute_measures(qrels: Qrels, run: Run) -> dict[str, float]:
    """Return the mean of each of MEASURES over all judged queries; one without hits counts as 0.

    nDCG (Järvelin and Kekäläinen, 2002) takes the grade as the gain, as trec_eval does; for the
    other measures any grade from 1 is relevant. Raises UnavailableError where ir-measures is
    missing.
    """
    try:
        import ir_measures
    except ModuleNotFoundError:
        raise UnavailableError(
            'ragkit eval needs ir-measures: pip install "ragkit-search[eval]"'
        ) from None
    by_name = {
        "nDCG@10": ir_measures.nDCG @ 10,
        "MRR@10": ir_measures.RR @ 10,
        "R@10": ir_measures.R @ 10,
        "R@100": ir_measures.R @ 100,
    }
    means = ir_measures.calc_aggregate(list(by_name.values()), qrels, run)
    return {name: float(means[by_name[name]]) for name in MEASURES}


def write_run(path: str | Path, run: Run, tag: str) -> None:
    """Write a run in TREC's format, the documents of each query best first.

    Raises UsageError where the file cannot be written, or an id contains white space.
    """
    lines = "".join(f"{line}\n" for line in run_lines(run, tag))
    try:
        Path(path).expanduser().write_text(lines, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def run_lines(run: Run, tag: str) -> Iterator[str]:
    """Yield the lines of a TREC run: `query Q0 document rank score tag`.

    Raises UsageError for an id that contains white space.
    """
    for query_id, scores in run.items():
        for rank, (document_id, score) in enumerate(scores.items(), start=1):
            if len(f"{query_id} {document_id}".split()) != 2:
                raise UsageError(
                    f"a TREC run cannot contain the id {query_id!r} or {document_id!r}; "
                    "expected ids without white space"
                )
            yield f"{query_id} Q0 {document_id} {rank} {score:.9g} {tag}"


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ("file:line", object) for each line that is not empty."""
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
                raise UsageError(f"{place} is not a JSON object; expected one in every line")
            yield place, row


def _parse_id(place: str, row: Mapping[str, Any]) -> str:
    value = row.get("_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: _id is {value!r}; expected a string that is not empty")
    return value


def _parse_text(place: str, row: Mapping[str, Any], name: str) -> str:
    """Return a text field; a missing title is an empty one."""
    value = row.get(name, "" if name == "title" else None)
    if not isinstance(value, str):
        raise UsageError(f"{place}: {name} is {value!r}; expected a string")
    return value.encode("utf-8", "replace").decode().replace("\0", " ")


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
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
            query_id, document_id, grade = fields
            qrels.setdefault(query_id, {})[document_id] = int(grade)
        except ValueError:
            raise UsageError(
                f"{path}:{number} is {line!r}; expected query-id, corpus-id and a whole number, "
                "separated by tabs"
            ) from None
    if not qrels:
        raise UsageError(f"{path} contains no judgement")
    return qrels
