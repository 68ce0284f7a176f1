"""A sharded collection answers as an ordinary one of the same files.

The ordinary collection is the reference: what it returns is tested elsewhere. Hits with equal
scores are sorted by passage id, which says nothing, so they may come in another order.
"""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.errors import CollectionError, UsageError
from ragkit.retrieval.hits import ranking_score
from ragkit.storage.shards.placement import shard_of_id
from tests.conftest import WordEncoder

SETTINGS = Settings(passage_tokens=40, overlap=0.0)
WORDS = [
    "fox",
    "dog",
    "lazy",
    "quick",
    "brown",
    "house",
    "run",
    "running",
    "cat",
    "idea",
    "leave",
    "parents",
    "key",
    "rotate",
    "weeks",
]
QUERIES = (
    "quick fox", "how many weeks of leave do parents have?", '"lazy dog" cat', "house -fox",
    "fxo rotatte", "nothing of this",
)  # fmt: skip
OPTIONS = (
    {"mode": "dense"}, {"mode": "lexical"}, {"mode": "hybrid"},
    {"mode": "hybrid", "where": 'path ~ "b*"'}, {"mode": "lexical", "where": 'path ~ "*/1*"'},
    {"mode": "dense", "where": 'path ~ "a*"', "exact": True},
    {"mode": "hybrid", "per_document": 1, "min_score": 0.2},
    {"mode": "dense", "diverse": True, "context": 1, "prefer_new": True},
    {"mode": "hybrid", "explain": True, "highlight": True},
)  # fmt: skip


def write_files(folder, seed=3):
    chosen = random.Random(seed)
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(9):
            paragraphs = (" ".join(chosen.choices(WORDS, k=30)) for _ in range(3))
            text = f"# Document {name}{number}\n\n" + "\n\n".join(paragraphs)
            (folder / name / f"{number}.md").write_text(text)
    (folder / "a" / "copy.md").write_text((folder / "b" / "1.md").read_text())
    (folder / "plan-2023.md").write_text("# Plan\n\n" + "The plan is to run. " * 8)
    (folder / "plan-2024.md").write_text("# Plan\n\n" + "The plan is to run. " * 8 + "\n\nMore.")


def fields(hit):
    locations = {(place.path, place.citation) for place in hit.also_at}
    newer = hit.newer_version.path if hit.newer_version else None
    return (
        hit.path, hit.start, hit.end, hit.text, hit.citation, hit.title, hit.heading, hit.stale,
        hit.copies, newer, frozenset({(hit.path, hit.citation), *locations}) if locations else None,
    )  # fmt: skip


def assert_same_hits(one, kit, query, options):
    expected, found = one.search(query, 8, **options), kit.search(query, 8, **options)
    scores = [ranking_score(hit) for hit in expected]
    np.testing.assert_allclose([ranking_score(hit) for hit in found], scores, atol=1e-6, rtol=0)
    # Those at the end may be others with the same score.
    above = scores[-1] + 1e-6 if scores else 0
    sure = [hit for hit in expected if ranking_score(hit) > above and not hit.also_at]
    sure_found = [hit for hit in found if ranking_score(hit) > above and not hit.also_at]
    assert {fields(hit) for hit in sure} == {fields(hit) for hit in sure_found}
    by_place = {(hit.path, hit.start): hit for hit in found}
    for hit in sure:
        other = by_place[hit.path, hit.start]
        for stage, score in hit.scores.items():
            assert other.scores[stage] == pytest.approx(score, abs=1e-6)
        if options.get("highlight"):
            assert other.highlights == hit.highlights
        if options.get("explain"):
            assert other.explanation.words == pytest.approx(hit.explanation.words, abs=1e-6)


def assert_same(one, kit, options_list=OPTIONS[:4], queries=QUERIES[:3]):
    for options in options_list:
        for query in queries:
            assert_same_hits(one, kit, query, options)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded")
    write_files(folder / "files")
    encoder = WordEncoder()
    Collection.index_shards(
        folder / "kit", folder / "files", shards=3, settings=SETTINGS, encoder=encoder
    )
    with Collection(folder / "one", settings=SETTINGS, encoder=encoder) as one:
        one.index(folder / "files")
    return folder


@pytest.fixture
def both(place, encoder):
    with (
        Collection(place / "one", settings=SETTINGS, encoder=encoder) as one,
        Collection(place / "kit", settings=SETTINGS, encoder=encoder) as kit,
    ):
        yield one, kit


def test_searches_have_the_same_hits(both):
    one, kit = both
    assert_same(one, kit, OPTIONS, QUERIES)
    hits = kit.search("quick fox", 20)
    assert len({shard_of_id(hit.passage_id) for hit in hits}) == 3
    many = kit.search_many(QUERIES, 8, mode="hybrid")
    assert many == [kit.search(query, 8, mode="hybrid") for query in QUERIES]


LOOKUPS = {
    "ls": lambda c, _: [(entry.path, entry.documents) for entry in c.ls(depth=3).entries],
    "glob": lambda c, _: [entry.path for entry in c.glob("b/*").entries],
    "get": lambda c, _: [c.get(ref).text for ref in ("a/3.md", "b/4.md#L5", "plan-2024.md")],
    "read": lambda c, _: c.read("b/2.md", lines=(1, 5)).text,
    "grep": lambda c, _: sorted((m.path, m.line, m.text) for m in c.grep("fox d").matches),
    "files": lambda c, _: [(f.path, f.status, f.passages) for f in c.files()],
    "some files": lambda c, p: [f.path for f in c.files(paths=[p / "files/a"])],
    "documents": lambda c, _: sorted((d.path, d.passages) for d in c.documents(limit=99)),
    "facets": lambda c, _: c.facets(where='path ~ "a*"'),
    "overview": lambda c, _: c.overview().folders,
    "not read": lambda c, _: c.not_read(),
    "related": lambda c, _: [(h.path, h.start) for h in c.related("a/3.md#L5", 3).similar],
    "duplicates": lambda c, _: (len((r := c.duplicates()).groups), len(r.documents)),
    "explain": lambda c, p: c.explain(p / "files/a/1.md").state,
    "questions": lambda c, _: len(c.self_questions().questions),
    "answer": lambda c, _: c.ask("how many weeks of leave?", llm=False).answerable,
    "fields": lambda c, _: sorted(map(str, c.file_fields([d.id for d in c.documents()]).values())),
    "fingerprint": lambda c, _: c.fingerprint(),
    "status": lambda c, _: (
        (s := c.status()).files, s.documents, s.passages, s.pending, s.coverage, s.roots, s.model,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKUPS)
def test_everything_that_reads_gives_the_same(both, place, name):
    one, kit = both
    assert LOOKUPS[name](kit, place) == LOOKUPS[name](one, place)


def test_a_missing_document_is_named_with_the_most_similar_path(both):
    messages = []
    for collection in both:
        with pytest.raises(UsageError) as raised:
            collection.get("a/33.md")
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_status_says_how_many_shards_there_are(both):
    one, kit = both
    status = kit.status()
    assert (status.shards, status.generation, status.in_process) == (3, 1, True)
    assert one.status().shards is None
    assert status.database_bytes > 0
    assert status.index_bytes > 0


def test_what_writes_is_refused_with_the_command_that_updates(both, place):
    _, kit = both
    before = sorted(path.name for path in (place / "kit").iterdir())
    for write in (
        lambda: kit.index(place / "files"),
        lambda: kit.remove("a"),
        lambda: kit.judge("x", "a/1.md", relevant=True),
        lambda: kit.migrate("other"),
        kit.calibrate_relevance,
        lambda: kit.backup(place / "copy"),
        lambda: kit.export(place / "copy"),
    ):
        with pytest.raises(CollectionError, match=r"is a sharded collection|on a sharded"):
            write()
    assert sorted(path.name for path in (place / "kit").iterdir()) == before
    assert not (place / "copy").exists()


def test_changes_and_other_numbers_of_shards_keep_the_results(tmp_path, encoder):
    files, kit_folder = tmp_path / "files", tmp_path / "kit"
    write_files(files)

    def index(shards=None):
        return Collection.index_shards(
            kit_folder, files, shards=shards, settings=SETTINGS, encoder=encoder
        )

    first = index(2)
    assert (first.added, first.embedded) == (21, first.passages - first.reused)
    with Collection(tmp_path / "one", settings=SETTINGS, encoder=encoder) as one:
        one.index(files)
        (files / "a" / "0.md").write_text("# New\n\nthe quick fox has an idea of weeks")
        (files / "b" / "5.md").unlink()
        (files / "new.md").write_text("# Extra\n\nparents rotate the key of the house")
        expected = one.index(files)
        report = index()
        names = ("added", "updated", "removed", "unchanged", "passages")
        assert [getattr(report, name) for name in names] == [
            getattr(expected, name) for name in names
        ]
        with Collection(kit_folder, settings=SETTINGS, encoder=encoder) as kit:
            assert_same(one, kit)
            assert kit.status().generation == 2
        report = index(5)
        assert (report.added, report.removed, report.passages) == (0, 0, expected.passages)
        assert 0 < report.moved < report.unchanged + report.moved
        with Collection(kit_folder, settings=SETTINGS, encoder=encoder) as kit:
            assert kit.status().shards == 5
            assert_same(one, kit)
        index(1)
        with Collection(kit_folder, settings=SETTINGS, encoder=encoder) as kit:
            assert kit.status().shards == 1
            assert_same(one, kit)


def test_an_open_collection_goes_on_with_its_generation(tmp_path, encoder):
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.md").write_text("the fox")
    arguments = {"settings": SETTINGS, "encoder": encoder}
    Collection.index_shards(tmp_path / "kit", files, shards=2, **arguments)
    with Collection(tmp_path / "kit", **arguments) as kit:
        (files / "b.md").write_text("another fox")
        Collection.index_shards(tmp_path / "kit", **arguments)
        assert [hit.path for hit in kit.search("fox", mode="lexical")] == ["a.md"]
    with Collection(tmp_path / "kit", **arguments) as kit:
        hits = kit.search("fox", mode="lexical")
        assert sorted(hit.path for hit in hits) == ["a.md", "b.md"]
    assert len(list((tmp_path / "kit" / "work").glob("shard-*"))) == 2
    assert Path(os.environ["RAGKIT_CACHE_DIR"], "shards").is_dir()
