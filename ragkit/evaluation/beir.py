"""Labelled retrieval datasets in BEIR's layout, retrieval measures, and TREC run files.

`read_dataset` reads corpus, queries and relevance judgements of a folder; `measure_queries`
returns trec_eval's measures of a run with ir-measures; `write_run` writes a run as TREC programs
read it. A run is query id → document id → score. Knows no collection, no encoder and no ranking.

Real datasets have gaps: judged documents that the corpus lacks, queries without judgements, rows
that occur twice. They are counted (`LabelledDataset.gaps`) and do not end an evaluation.

Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval
Models", NeurIPS 2021.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ragkit.errors import UnavailableError, UsageError

MEASURES = ("nDCG@10", "MRR@10", "R@10", "R@100", "MAP@100")
DEPTH = 100  # documents that are ranked for each query
# The highest grade that is accepted. trec_eval, which is native code, reserves memory for each
# grade up to the highest one.
MAX_GRADE = 1000
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
    """A folder in BEIR's layout. `queries` are only those that have judgements.

    `gaps` counts, by description, what the files have too much or too little of.
    """

    folder: Path
    queries: Mapping[str, str]  # id → text
    qrels: Qrels
    gaps: Counter[str] = field(default_factory=Counter)

    def corpus(self) -> Iterator[CorpusDocument]:
        """Yield the documents in file order; of those with one id, the first.

        Raises UsageError with file and line of an error.
        """
        seen_ids: set[str] = set()
        for place, row in _json_lines(self.folder / CORPUS_FILE):
            document = CorpusDocument(
                _parse_id(place, row),
                _parse_text(place, row, "title"),
                _parse_text(place, row, "text"),
            )
            if document.id not in seen_ids:
                seen_ids.add(document.id)
                yield document

    def count_gaps(self) -> None:
        """Read the ids of the corpus and count what corpus and judgements lack of each other.

        Raises UsageError with file and line of an error, or if no judged document is in the corpus.
        """
        path = self.folder / CORPUS_FILE
        rows = Counter(_parse_id(place, row) for place, row in _json_lines(path))
        judged = {document_id for grades in self.qrels.values() for document_id in grades}
        self.gaps[f"repeated _id in {CORPUS_FILE} (the first is used)"] = rows.total() - len(rows)
        unknown = judged - rows.keys()
        if unknown == judged:
            raise UsageError(
                f"{self.folder / QRELS_FILE} judges none of the documents of {CORPUS_FILE}, but "
                f"{min(unknown)!r}, for example; expected the _id of documents"
            )
        self.gaps[f"judged document that {CORPUS_FILE} lacks"] = len(unknown)

    def gap_lines(self) -> list[str]:
        """Return a line for each kind of gap that was found: its count and what it is."""
        return [f"{count:,} × {text}" for text, count in self.gaps.items() if count]


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
    gaps: Counter[str] = Counter()
    queries: dict[str, str] = {}
    for place, row in _json_lines(folder / QUERIES_FILE):
        query_id, text = _parse_id(place, row), _parse_text(place, row, "text")
        if query_id in queries:
            gaps[f"repeated _id in {QUERIES_FILE} (the first is used)"] += 1
        queries.setdefault(query_id, text)
    qrels = _read_qrels(folder / QRELS_FILE, gaps)
    unknown = qrels.keys() - queries.keys()
    if unknown == qrels.keys():
        raise UsageError(
            f"{folder / QRELS_FILE} judges none of the queries of {QUERIES_FILE}, but "
            f"{min(unknown)!r}, for example; expected the _id of queries"
        )
    gaps[f"judged query that {QUERIES_FILE} lacks"] = len(unknown)
    gaps["query without judgements (not measured)"] = len(queries.keys() - qrels.keys())
    judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    return LabelledDataset(folder, judged, {name: qrels[name] for name in judged}, gaps)


def measure_queries(qrels: Qrels, rankings: Mapping[str, list[str]]) -> dict[str, list[float]]:
    """Return, for each of MEASURES, its value for each query of `qrels`, in that order.

    `rankings`: query id → document ids, best first; a query without hits has 0 in each measure.
    nDCG (Järvelin and Kekäläinen, 2002) takes the grade as the gain, as trec_eval does; for the
    other measures any grade from 1 is relevant, and a grade below 0 counts as 0. Raises
    UnavailableError where ir-measures is missing.
    """
    try:
        import ir_measures
    except ModuleNotFoundError:
        raise UnavailableError(
            'ragkit eval needs ir-measures: pip install "ragkit-search[eval]"'
        ) from None
    names = {
        ir_measures.nDCG @ 10: "nDCG@10",
        ir_measures.RR @ 10: "MRR@10",
        ir_measures.R @ 10: "R@10",
        ir_measures.R @ 100: "R@100",
        ir_measures.AP @ 100: "MAP@100",
    }
    numbers, judged, run = _numbered(qrels, rankings)
    values = {name: dict.fromkeys(numbers.values(), 0.0) for name in names.values()}
    if any(run.values()):
        for metric in ir_measures.iter_calc(list(names), judged, run):
            values[names[metric.measure]][metric.query_id] = float(metric.value)
    return {name: [values[name][numbers[query]] for query in qrels] for name in MEASURES}


def _numbered(
    qrels: Qrels, rankings: Mapping[str, list[str]]
) -> tuple[dict[str, str], dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Return the number of each query, and judgements and run with numbers in place of ids.

    The libraries behind ir-measures sort equal scores by id, in different orders, and some take
    numeric ids only. Scores are 1/rank, so none are equal.
    """
    queries = {query: str(number) for number, query in enumerate(qrels)}
    documents: dict[str, str] = {}
    judged, run = {}, {}
    for query, number in queries.items():
        grades, ranking = qrels[query], rankings.get(query, [])
        for document in (*grades, *ranking):
            documents.setdefault(document, str(len(documents)))
        judged[number] = {documents[name]: max(0, grade) for name, grade in grades.items()}
        run[number] = {documents[name]: 1 / rank for rank, name in enumerate(ranking, start=1)}
    return queries, judged, run


def mean_measures(values: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the mean of each measure over the queries."""
    return {name: sum(each) / len(each) for name, each in values.items()}


def check_writable(path: str | Path) -> None:
    """Raise UsageError if `path` can be no file to write to: before the work, not after it."""
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder; expected the name of a file")


def write_run(path: str | Path, run: Run, tag: str) -> None:
    """Write a run in TREC's format, the documents of each query best first.

    Raises UsageError where the file cannot be written.
    """
    lines = "".join(f"{line}\n" for line in run_lines(run, tag))
    try:
        Path(path).expanduser().write_text(lines, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def run_lines(run: Run, tag: str) -> Iterator[str]:
    """Yield the lines of a TREC run: `query Q0 document rank score tag`.

    White space separates the fields, so an id with white space is percent-encoded.
    """
    for query_id, scores in run.items():
        for rank, (document_id, score) in enumerate(scores.items(), start=1):
            yield (
                f"{encode_id(query_id)} Q0 {encode_id(document_id)} {rank} {score:.9g} "
                f"{encode_id(tag)}"
            )


def encode_id(value: str) -> str:
    """Return an id as it stands in a TREC run: percent-encoded if it contains white space."""
    if not re.search(r"\s", value):
        return value
    return re.sub(r"[\s%]", lambda match: quote(match[0]), value)


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


def _read_qrels(path: Path, gaps: Counter[str]) -> dict[str, dict[str, int]]:
    """Return the judgements; the last one counts where a pair is judged more than once."""
    qrels: dict[str, dict[str, int]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except ValueError as error:
        raise UsageError(f"{path} is not UTF-8: {error}") from error
    for number, line in enumerate(lines, start=1):
        fields = line.rstrip("\r").split("\t")
        if (number == 1 and fields[0] == "query-id") or not line.strip():
            continue
        try:
            query_id, document_id, text = fields
            grade = int(text)
        except ValueError:
            raise UsageError(
                f"{path}:{number} is {line!r}; expected query-id, corpus-id and a whole number, "
                "separated by tabs"
            ) from None
        if grade > MAX_GRADE:
            raise UsageError(f"{path}:{number}: the grade is {grade}; expected {MAX_GRADE} at most")
        grades = qrels.setdefault(query_id, {})
        gaps[f"repeated judgement in {QRELS_FILE} (the last one is used)"] += document_id in grades
        gaps["grade below 0 (counts as 0)"] += grade < 0
        grades[document_id] = grade
    if not qrels:
        raise UsageError(f"{path} contains no judgement")
    return qrels
