"""Triplets that a collection makes for training."""

import json
import re

import pytest

from ragkit.errors import UsageError
from tests.maintenance.test_migrate import write_notes


def test_triplets_come_from_the_train_half(collection, tmp_path):
    with pytest.raises(UsageError, match="is empty"):
        collection.write_training_pairs(tmp_path / "pairs.jsonl")
    collection.index(write_notes(tmp_path / "house", 40))
    count = collection.write_training_pairs(tmp_path / "pairs.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert len(rows) == count > 5
    held_out = {question.text for question in collection.self_questions().part(held_out=True)}
    for row in rows:
        assert row["anchor"] not in held_out
        number = row["anchor"].split("place")[1].split()[0]
        assert f"shade{number} " in row["positive"]
        assert row["anchor"] not in row["positive"]
        assert f"shade{number} " not in row["negative"]
        assert "shade" in row["negative"]
    texts = "\n".join(row["positive"] + row["negative"] for row in rows)
    for question in collection.self_questions().part(held_out=True):
        text = (tmp_path / "house" / question.path).read_text()
        assert re.search(r"shade\d+ ", text)[0] not in texts  # no passage of the other half


def test_neither_text_has_its_headings(collection, tmp_path):
    """Otherwise "does it begin with #?" would be all there is to learn."""
    folder = tmp_path / "house"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.md").write_text(
            f"# Entrance place{number} portal{number}\n\nGuests with a ticket of the colour "
            f"shade{number} may enter here.\n\n## Opening hours of wing{number} court{number}\n\n"
            f"From clock{number} on the doors are open to all.\n"
        )
    collection.index(folder)
    assert collection.write_training_pairs(tmp_path / "pairs.jsonl") > 10
    for line in (tmp_path / "pairs.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert row["positive"].startswith(("Guests", "From"))
        assert row["negative"].startswith(("Guests", "From"))


def test_a_file_that_cannot_be_written_is_an_error(collection, tmp_path):
    collection.index(write_notes(tmp_path / "house", 4))
    with pytest.raises(UsageError, match="cannot write"):
        collection.write_training_pairs(tmp_path / "missing" / "pairs.jsonl")
