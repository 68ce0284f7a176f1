"""The work of `ragkit tune` beside the search itself: the sample, stored results, the switch.

A sample of the documents is rebuilt from its stored texts and cut in different ways, so no file is
read to measure. The sentences that serve as questions are blanked out in it: otherwise a passage
would be found by the question that it contains. Everything lies in the cache folder until one
transaction changes the collection, so a process that is killed leaves the collection as it was.
Knows no ranking.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit import user_dirs
from ragkit.errors import CollectionError
from ragkit.evaluation.self_questions import QuestionSet, SelfQuestion, make_questions
from ragkit.evaluation.tuning import ByQuery, Values
from ragkit.passages.split import SPLITTER_VERSION, split_document
from ragkit.records.documents import Document, Heading
from ragkit.storage.atomic_files import new_file
from ragkit.storage.sqlite import state, transfer
from ragkit.storage.sqlite.database import FILE_NAME
from ragkit.storage.sqlite.question_sources import SourceDocument, sample_documents

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.ingest.corpus import Row, RowSplitter
    from ragkit.records.documents import Passage
    from ragkit.storage.sqlite.database import Database

SAMPLE_PASSAGES = 2500  # of the documents that are measured with
MAX_QUESTIONS = 150  # of each half
RERANKED_QUESTIONS = 80  # of the train half: a cross-encoder is slow
_MIN_SIZE = 48  # tokens of a passage
_MIN_STEP = 0.25  # a size that is nearer to the present one is not tried
_VERSION = 2  # of the way in which is measured: results of another one are not used
_SAMPLE_FILE = "sample.json"
_NOT_COPIED = frozenset({"judgements"})  # tables that others may write without the writer lock
_MEASURED = ("files", "documents", "passages")  # tables that the results follow from
# Tables that may change without a new generation: by new roots, topics or a calibration.
_WITHOUT_GENERATION = (
    "collection", "models", "roots", "files", "unreadable_texts", "topics", "passage_topics",
    "version_keys", "newer_versions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampledDocument:
    """A document of the sample, with blanks in place of the questions."""

    id: str  # that of the document in the collection
    document: Document

    @property
    def title(self) -> str:
        """The document's own title; "" without one."""
        return self.document.title or ""

    @property
    def text(self) -> str:
        """The text with blanks."""
        return self.document.text


@dataclass(frozen=True, slots=True)
class TuningSample:
    """Documents and the questions about them. The questions' paths are those of the sample."""

    documents: tuple[SampledDocument, ...]
    train: tuple[SelfQuestion, ...]
    held_out: tuple[SelfQuestion, ...]
    passages: int  # that the collection cuts the documents into now

    @property
    def has_headers(self) -> bool:
        """Whether any passage can have a header."""
        return any(each.title or each.document.headings for each in self.documents)

    def questions(self, held_out: bool) -> tuple[SelfQuestion, ...]:
        """Return the questions of one half."""
        return self.held_out if held_out else self.train


def draw_sample(connection: sqlite3.Connection, seed: int = 0) -> TuningSample:
    """Return a sample of the documents of at most SAMPLE_PASSAGES passages, with questions.

    The questions are first sentences of sections, which are blanked out, questions that stand in
    the text, which are too, and definitions. A document without any of the first gives its title,
    which is then taken out of its text and of the headers of its passages. Other titles and
    headings ask for nothing: headers repeat them, and whether these help is to be found out.
    """
    sources = list(sample_documents(connection, SAMPLE_PASSAGES, seed))
    cloze = make_questions(sources, seed=seed, limit=MAX_QUESTIONS, cloze=True)
    asked = {question.document_id for question in cloze.questions}
    untitled = {source.id for source in sources if source.title and source.id not in asked}
    sources = [_without_title(each) if each.id in untitled else each for each in sources]
    others = make_questions(sources, seed=seed, limit=MAX_QUESTIONS)
    headings = {
        source.id: {" ".join(name.split()) for span in source.passages for name in span.heading}
        for source in sources
    }
    blanks: dict[int, list[tuple[int, int]]] = {source.id: [] for source in sources}
    chosen: list[SelfQuestion] = []
    for question in cloze.questions:
        if question.source is not None:
            chosen.append(question)
            blanks[question.document_id].append(question.source)
    for question in others.questions:
        if question.kind == "faq" and question.source is not None:
            if question.text not in headings[question.document_id]:
                chosen.append(question)
                blanks[question.document_id].append(question.source)
        elif question.kind == "title" and question.document_id in untitled:  # noqa: SIM114
            chosen.append(question)
        elif question.kind == "definition" and not any(
            _overlap(target, blank)
            for target in question.targets
            for blank in blanks[question.document_id]
        ):
            chosen.append(question)
    distinct = {question.text: question for question in reversed(chosen)}
    own = [
        replace(question, path=f"{_SAMPLE_FILE}/{question.document_id}", root="", source=None)
        for question in sorted(distinct.values(), key=lambda each: each.id)
    ]
    made = QuestionSet(tuple(own), {})
    return TuningSample(
        tuple(
            SampledDocument(
                str(source.id),
                rebuild_document(
                    replace(source, title="") if source.id in untitled else source,
                    blanks[source.id],
                ),
            )
            for source in sources
        ),
        tuple(made.part(held_out=False)[:MAX_QUESTIONS]),
        tuple(made.part(held_out=True)[:MAX_QUESTIONS]),
        sum(len(source.passages) for source in sources),
    )


def _without_title(source: SourceDocument) -> SourceDocument:
    """Return a document with blanks for its title in text and headings. Its `title` stays."""
    title = source.title
    passages = tuple(
        replace(span, heading=tuple(name for name in span.heading if name != title))
        for span in source.passages
    )
    return replace(source, text=source.text.replace(title, " " * len(title)), passages=passages)


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def rebuild_document(source: SourceDocument, blanks: Iterable[tuple[int, int]] = ()) -> Document:
    """Return a stored document with the headings that its passages name, and blanks in place of
    some spans. Which parts are tables or code is not stored: they are cut like prose."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(blanks):
        first = max(start, position)
        if first < end:
            parts += [source.text[position:first], " " * (end - first)]
            position = end
    text = "".join([*parts, source.text[position:]])
    return Document(
        text, source.media_type, source.title or None, headings=tuple(_headings(source)),
        pages=source.pages, locators=source.locators,
    )  # fmt: skip


def _headings(source: SourceDocument) -> list[Heading]:
    """Return headings of no length, so that the sections are those of the stored passages."""
    headings: list[Heading] = []
    path: tuple[str, ...] = ()
    for passage in source.passages:
        if passage.heading == path:
            continue
        common = 0
        for old, new in zip(path, passage.heading, strict=False):
            if old != new:
                break
            common += 1
        common = min(common, len(passage.heading) - 1)  # a section above begins again
        for level in range(max(0, common), len(passage.heading)):
            headings.append(
                Heading(passage.start, passage.start, level + 1, passage.heading[level])
            )
        path = passage.heading
    return headings


def make_stages(
    start: Values, window: int, *, has_headers: bool, has_reranker: bool, fixed: Iterable[str] = ()
) -> tuple[list[list[Values]], list[str]]:
    """Return what is tried, stage after stage (`evaluation.tuning.choose`), and what is not, with
    the reasons. `window` is that of the encoder, in tokens. `fixed`: names of settings that the
    user has set, which a tuned value would not change."""
    size = int(start["passage_tokens"])
    not_tried = [f"{name}: your settings have a value" for name in fixed]
    sizes: list[Values] = []
    for other in (max(_MIN_SIZE, size // 2), min(2 * size, window)):
        if abs(other - size) >= _MIN_STEP * size:
            sizes.append({"passage_tokens": other})
    if 2 * size > window:
        not_tried.append(f"passages of {2 * size} tokens: the encoder reads {window}")
    stages: list[list[Values]] = [
        [
            {"mode": "dense"},
            {"mode": "lexical"},
            {"mode": "hybrid", "fusion": "convex"},
            {"mode": "hybrid", "fusion": "rrf"},
        ],
        sizes,
    ]
    if has_headers:
        stages.append([{"passage_header": not start["passage_header"]}])
    else:
        not_tried.append("headers: no document has a title or headings")
    if has_reranker:
        stages.append([{"rerank": not start["rerank"]}])
    else:
        not_tried.append("a reranker: your settings name none (reranker = NAME, or --reranker)")
    own = set(fixed)
    stages = [
        [each for each in stage if not any(start[name] != each[name] for name in own & each.keys())]
        for stage in stages
    ]
    return stages, not_tried


def splitter(values: Values, overlap: float) -> RowSplitter:
    """Return what cuts the sampled documents as these settings say."""

    def split(rows: Sequence[Row], encoder: Encoder) -> list[tuple[Document, Sequence[Passage]]]:
        documents = [row.document for row in rows if isinstance(row, SampledDocument)]
        return [
            (
                document,
                split_document(
                    document, encoder, size=int(values["passage_tokens"]), overlap=overlap,
                    header=bool(values["passage_header"]),
                ),
            )
            for document in documents
        ]  # fmt: skip

    return split


class TuningFolder:
    """The folder of a tuning in the cache: one for each state of a collection.

    It is deleted when the tuning is done. One of an earlier state of the collection is deleted when
    a new one is made.
    """

    def __init__(self, connection: sqlite3.Connection, fingerprint: str, settings: str) -> None:
        """`settings`: what else the results depend on, as text."""
        collection = str(state.value(connection, "id") or "")
        own = blake2b(collection.encode(), digest_size=8).hexdigest()
        # Not the generation: vectors of a trained encoder begin new ones.
        rows = transfer.rows_digest(connection, _MEASURED)
        content = (_VERSION, SPLITTER_VERSION, rows, fingerprint, settings)
        digest = blake2b(repr(content).encode(), digest_size=8).hexdigest()
        self._parent = user_dirs.cache() / f"tune-{own}"
        self.path = self._parent / digest

    def prepare(self) -> None:
        """Make the folder, and delete those of other states. Raises CollectionError."""
        try:
            if self._parent.is_dir():
                for other in self._parent.iterdir():
                    if other != self.path:
                        shutil.rmtree(other)
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CollectionError(f"cannot write {self.path}: {error.strerror or error}") from error

    def delete(self) -> None:
        """Delete the folder with everything in it."""
        shutil.rmtree(self._parent, ignore_errors=True)

    def sample_file(self, values: Values, encoder: str = "") -> Path:
        """Return the source file of the sample, in a folder for these settings of splitting and, if
        it is not the collection's, the encoder with this fingerprint."""
        folder = self.path / f"passages-{_digest(_passage_values(values))}{encoder[:16]}"
        folder.mkdir(exist_ok=True)
        file = folder / _SAMPLE_FILE
        file.touch()
        return file

    def load_result(self, values: Values, part: str) -> ByQuery | None:
        """Return a stored result; None if there is none."""
        try:
            stored: ByQuery = json.loads(self._result(values, part).read_bytes())
        except (OSError, ValueError):
            return None
        return stored

    def save_result(self, values: Values, part: str, result: ByQuery) -> None:
        """Store a result, complete or not at all."""
        with new_file(self._result(values, part)) as file:
            file.write(json.dumps(result).encode())

    def _result(self, values: Values, part: str) -> Path:
        return self.path / f"result-{part}-{_digest(values)}.json"

    def copy_collection(self, store: Database, values: Mapping[str, object]) -> Path:
        """Return a folder with a copy of the database that is to get these settings: an earlier
        one, if the collection has not changed since it was made, or a new one."""
        folder = self.path / "copy"
        with store.reading() as connection:
            wanted = {
                "generation": state.generation(connection),
                "rows": transfer.rows_digest(connection, _WITHOUT_GENERATION),
                "values": dict(values),
            }
            with contextlib.suppress(OSError, ValueError):
                if json.loads((folder / "copy.json").read_bytes()) == wanted:
                    return folder
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            transfer.copy_to(connection, folder / FILE_NAME)
            names = state.index_names(connection)
        with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as copy, copy:
            transfer.forget_index_files(copy, names)
        with new_file(folder / "copy.json") as file:
            file.write(json.dumps(wanted).encode())
        return folder


def _passage_values(values: Values) -> dict[str, object]:
    return {name: values[name] for name in ("passage_tokens", "passage_header")}


def _digest(values: Mapping[str, object]) -> str:
    text = json.dumps(dict(values), sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def take_over(store: Database, copy: Path) -> None:
    """Give the collection all rows of a changed copy of it, in one transaction.

    The judgements stay, since others may have added some. Index files are those of the copy no
    more: the caller updates them. The caller holds the writer lock, under which the copy was made.
    Raises CollectionError.
    """
    with store.reading():
        pass  # a read-only or damaged collection is reported as everywhere
    try:
        transfer.replace_all_rows(store.path, copy / FILE_NAME, keep=_NOT_COPIED)
    except sqlite3.Error as error:
        raise CollectionError(f"{store.folder}: cannot be changed: {error}") from error
