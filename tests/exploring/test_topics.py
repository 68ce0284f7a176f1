"""Topics of a folder with four subjects: names, filters, and what stays after a change."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit import Collection, UsageError
from ragkit.exploring import topics as topics_module
from ragkit.storage.sqlite import overview

SUBJECTS = {
    "sea": "harbour sailor anchor vessel captain voyage",
    "cook": "kitchen recipe butter pastry oven flour",
    "space": "planet orbit telescope galaxy comet star",
    "court": "judge lawyer verdict trial witness jury",
}


def write(folder, subject, number):
    words = SUBJECTS[subject].split()
    own = " ".join(words[(number + i) % 6] for i in range(4))
    (folder / f"{subject}-{'abcdefghij'[number % 10] * (1 + number // 10)}.txt").write_text(
        f"The {own} and {words[number % 6]} of {'xyz'[number % 3] * 3}.\n"
    )


@pytest.fixture
def filled(collection, tmp_path):
    folder = tmp_path / "subjects"
    folder.mkdir()
    for subject in SUBJECTS:
        for number in range(6):
            write(folder, subject, number)
    collection.index(folder)
    return collection, folder


def subject_of(hit):
    return hit.path.partition("-")[0]


def test_each_subject_is_a_topic_that_queries_can_be_limited_to(filled):
    collection, _ = filled
    report = collection.topics(count=4)
    assert (len(report.topics), report.passages, report.updated) == (4, 24, False)
    for topic in report.topics:
        hits = collection.search("anything", k=100, where={"topic": topic.name})
        (subject,) = {subject_of(hit) for hit in hits}
        assert len(hits) == topic.passages == 6
        assert set(topic.terms) & set(SUBJECTS[subject].split()) == set(topic.terms[:6])
        assert {subject_of(hit) for hit in topic.central} == {subject}
        assert topic.silhouette > 0.2
        word = topic.terms[0]
        assert collection.search("x", k=100, where=f"topic = {word}") != []
        assert len(collection.search("x", k=100, where=f'topic != "{topic.name}"')) == 18
    assert collection.search("x", where="topic = nonsense") == []


def test_names_and_assignments_stay_after_a_small_change(filled):
    collection, folder = filled
    before = {topic.name: topic.id for topic in collection.topics(count=4).topics}
    hits = {name: ids(collection, name) for name in before}
    write(folder, "sea", 11)
    (folder / "cook-a.txt").unlink()
    collection.index(folder)
    report = collection.topics()
    assert report.updated
    assert {topic.name: topic.id for topic in report.topics} == before
    gone = {*hits_all(hits)} - {*hits_all({name: ids(collection, name) for name in before})}
    assert len(gone) == 1
    for name in before:
        assert hits[name] - gone <= ids(collection, name)


def test_new_topics_that_are_mostly_old_ones_keep_their_names(filled):
    collection, folder = filled
    before = {topic.name: topic.id for topic in collection.topics(count=4).topics}
    for number in range(10):
        (folder / f"animal-{number}.txt").write_text(f"Horse donkey zebra mule pony foal {number}.")
    collection.index(folder)
    report = collection.topics(count=5)
    assert not report.updated
    after = {topic.name: topic.id for topic in report.topics}
    assert after.items() >= before.items()
    (new,) = [topic for topic in report.topics if topic.name not in before]
    assert new.id not in before.values()
    assert new.passages == 10


def test_a_topic_in_the_metadata_of_a_document_is_still_found(collection, folder):
    (folder / "own.md").write_text("---\ntopic: Gardening\n---\nRoses need water.\n")
    collection.index(folder)
    collection.topics()
    assert {hit.path for hit in collection.search("x", where="topic = Gardening")} == {"own.md"}


def test_removed_passages_leave_their_topic(filled):
    collection, folder = filled
    collection.topics(count=4)
    collection.remove(folder / "sea-a.txt")
    total = sum(len(ids(collection, topic.name)) for topic in collection.topics().topics)
    assert total == 23


def test_a_group_whose_topics_are_gone_does_not_become_a_topic(filled):
    collection, _ = filled
    names = {topic.name for topic in collection.topics(count=4).topics}
    with collection._store.writing() as connection:
        opposite = np.frombuffer(
            connection.execute("SELECT center FROM topics LIMIT 1").fetchone()[0], "<f4"
        )
        for id_, parent, name in ((98, None, "group"), (99, 98, "part")):
            connection.execute(
                "INSERT INTO topics SELECT ?, ?, model_id, ?, terms, ? FROM topics LIMIT 1",
                (id_, parent, name, (-opposite).tobytes()),
            )
    for _ in range(2):
        report = collection.topics()
        assert report.updated
        assert {topic.name for topic in report.topics} == names
    with collection._store.reading() as connection:
        assert set(overview.topic_names(connection).values()) == names


@pytest.mark.parametrize("terms", ["5", "x", "{}", "[1]", "[" * 100_000])
def test_damaged_topics_are_found_again(filled, terms):
    collection, _ = filled
    collection.topics(count=4)
    with collection._store.writing() as connection:
        connection.execute("UPDATE topics SET terms = ?", (terms,))
    report = collection.topics(count=4)
    assert (len(report.topics), report.updated) == (4, False)


def test_empty_collections_and_wrong_counts(collection):
    assert collection.topics().topics == ()
    with pytest.raises(UsageError, match="count is 0"):
        collection.topics(count=0)


def ids(collection, name):
    return {hit.passage_id for hit in collection.search("x", k=100, where={"topic": name})}


def hits_all(by_topic):
    return [id_ for own in by_topic.values() for id_ in own]


def test_topics_that_another_process_stores_meanwhile_are_not_lost(filled, monkeypatch, encoder):
    collection, _ = filled
    other = Collection(collection.folder, settings=collection.settings, encoder=encoder)
    find, begun = topics_module.find_topics, []

    def find_while_another_process_stores(*arguments):
        found = find(*arguments)
        if not begun:
            begun.append(True)
            first, *_ = other.topics(count=2).topics
            with other._store.writing() as rows:  # as a later version may name it
                rows.execute("UPDATE topics SET name = 'own name' WHERE id = ?", (first.id,))
        return found

    monkeypatch.setattr(topics_module, "find_topics", find_while_another_process_stores)
    report = collection.topics()
    other.close()
    assert report.updated
    assert "own name" in {topic.name for topic in report.topics}
