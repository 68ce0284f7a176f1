"""Static encoders: the folder that is written, and what is refused before the work."""

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.encoders import resolve
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import UsageError
from ragkit.learning.distill import check_output, distill


def test_an_output_in_use_is_refused(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="is not a model"):
        check_output(tmp_path / "notes", force=True)
    with pytest.raises(UsageError, match="replace it with --force"):
        check_output(tmp_path / "model", force=False)
    with pytest.raises(UsageError, match="there is no folder"):
        check_output(tmp_path / "missing" / "model", force=False)
    check_output(tmp_path / "model", force=True)
    check_output(tmp_path / "empty", force=False)
    with pytest.raises(UsageError, match="expected 8 to 4096"):
        distill("any", tmp_path / "new", dimensions=0)


def test_a_small_transformer_becomes_a_table(base_folder, tmp_path):
    pytest.importorskip("model2vec", reason='needs pip install "ragkit-search[distill]"')
    output = distill(str(base_folder), tmp_path / "static", dimensions=8)
    encoder = resolve.load(ModelSpec(str(output)))
    assert encoder.dimension == 8
    vectors = encoder.encode_passages(["the key rot", "rot the key", "the bank"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)  # the order of the words is lost
    assert not list(tmp_path.glob("static.*"))


def test_teacher_and_static_encoder_are_compared_on_the_collection(base_folder, tmp_path):
    pytest.importorskip("model2vec", reason='needs pip install "ragkit-search[distill]"')
    pytest.importorskip("ir_measures", reason='needs pip install "ragkit-search[eval]"')
    (tmp_path / "notes").mkdir()
    for number, word in enumerate(["key", "bank", "river", "week", "rot", "every"] * 2):
        (tmp_path / "notes" / f"{number}.md").write_text(
            f"# The {word} of house {number}\n\nThe bank rot.\n"
        )
    with Collection(tmp_path / "kit", settings=Settings(model=str(base_folder))) as collection:
        with pytest.raises(UsageError, match="is empty"):
            collection.distill(tmp_path / "static")
        collection.index(tmp_path / "notes")
        before = collection.fingerprint()
        report = collection.distill(tmp_path / "static", dimensions=8)
        assert collection.fingerprint() == before  # offered, not used
    assert (report.output, report.dimension) == (str(tmp_path / "static"), 8)
    assert report.questions > 0
    assert report.teacher.keys() == report.student.keys() == report.p_values.keys()
    assert all(0 <= value <= 1 for value in report.student.values())
