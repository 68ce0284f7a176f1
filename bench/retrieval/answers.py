"""Extractive answers: on data/, and on a folder of articles made from xquad-en.

    python -m bench answers
    RAGKIT_BENCH_STEP=12            every 12th question of xquad-en (default 6)
    RAGKIT_BENCH_PARTS=data         one of data, articles
    RAGKIT_BENCH_MODEL=MODEL        another encoder
    RAGKIT_RERANKER=MODEL           with this cross-encoder
    RAGKIT_BENCH_CACHE=FOLDER       keeps the collections, so that a second run embeds no passages

A quote is right if it contains the labelled words (data/), or is from the labelled paragraph
(articles). Hard abstention: the same questions, with the answering article filtered out.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.retrieval.questions import DATA, QUESTIONS
from ragkit import Answer, Collection, Settings
from ragkit.evaluation.beir import read_dataset

ARTICLES = Path(__file__).parents[3] / "shared" / "data" / "xquad-en"
STEP = int(os.environ.get("RAGKIT_BENCH_STEP", "6"))
PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "data,articles").split(",")


def settings() -> Settings:
    return Settings(
        model=os.environ.get("RAGKIT_BENCH_MODEL"), reranker=os.environ.get("RAGKIT_RERANKER")
    )


def cached(temporary: Path, name: str) -> Path:
    """Return the folder of a collection, or of its documents."""
    encoder = Path(os.environ.get("RAGKIT_BENCH_MODEL", "default")).name
    return Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary, f"{name}-{encoder}")


def squeeze(text: str) -> str:
    return " ".join(text.split())


def quotes(answer: Answer, path: str, words: str) -> bool:
    """Whether a quote of an answer from this document contains these words, or they contain it."""
    return any(
        citation.path == path
        and (words in squeeze(citation.quote) or squeeze(citation.quote) in words)
        for citation in answer.citations
    )


def print_row(label: str, count: int, *shares: int) -> None:
    print(f"| {label} | {count} | {' | '.join(str(share) for share in shares)} |", flush=True)


def measure_data() -> None:
    lines = (DATA / "unanswerable.jsonl").read_text("utf-8").splitlines()
    with (
        tempfile.TemporaryDirectory() as temporary,
        Collection(cached(Path(temporary), "data"), settings=settings()) as collection,
    ):
        collection.index(DATA)
        answers = [collection.ask(question["question"]) for question in QUESTIONS]
        declined = [collection.ask(json.loads(line)["question"]) for line in lines]
    right = sum(
        any(quotes(answer, label["path"], label["quote"]) for label in question["answers"])
        for question, answer in zip(QUESTIONS, answers, strict=True)
    )
    print("\n| data/ | questions | answered | right words quoted |\n|---|---|---|---|")
    print_row("with an answer", len(answers), sum(a.answerable for a in answers), right)
    print_row("without", len(declined), sum(a.answerable for a in declined), 0)


def write_articles(folder: Path) -> dict[str, tuple[str, str]]:
    """Write one file for each article; return row id → (file name, paragraph)."""
    articles: dict[str, list[str]] = defaultdict(list)
    places = {}
    for line in (ARTICLES / "corpus.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        name = row["title"].replace("/", "_") + ".txt"
        articles[name].append(row["text"])
        places[row["_id"]] = name, squeeze(row["text"])
    for name, paragraphs in articles.items():
        (folder / name).write_text("\n\n".join(paragraphs) + "\n", "utf-8")
    return places


def measure_articles() -> None:
    dataset = read_dataset(ARTICLES)
    questions = [
        (text, next(iter(dataset.qrels[query_id])))
        for query_id, text in list(dataset.queries.items())[::STEP]
    ]
    answered = right_document = right_paragraph = hard = 0
    with tempfile.TemporaryDirectory() as temporary:
        source = cached(Path(temporary), "texts")
        source.mkdir(parents=True, exist_ok=True)
        places = write_articles(source)
        kit = cached(Path(temporary), "articles")
        with Collection(kit, settings=settings()) as collection:
            collection.index(source)
            for text, row_id in questions:
                name, paragraph = places[row_id]
                answer = collection.ask(text)
                answered += answer.answerable
                right_document += any(citation.path == name for citation in answer.citations)
                right_paragraph += quotes(answer, name, paragraph)
                hard += collection.ask(text, where={"path": {"!=": name}}).answerable
    print(
        "\n| 48 articles | questions | answered | right document | right paragraph |"
        "\n|---|---|---|---|---|"
    )
    print_row("all articles", len(questions), answered, right_document, right_paragraph)
    print_row("without the answering one", len(questions), hard, 0, 0)


def main() -> None:
    if "data" in PARTS:
        measure_data()
    if "articles" in PARTS and ARTICLES.is_dir():
        measure_articles()
