"""Topics, map, duplicates, explanations and judgements over HTTP."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragkit import Collection
from ragkit.encoders.resolve import load
from ragkit.serving.collections.library import Library
from tests.encoders.conftest import CONFIG, tiny_weights, write_tokenizer


@pytest.fixture(scope="module")
def texts():
    animals = ("cat", "dog", "owl", "fox")
    tools = ("saw", "axe", "drill", "plane")
    rows = {
        f"animals/{name}.txt": f"The {name} is an animal of the wild forest." for name in animals
    }
    rows |= {f"tools/{name}.md": f"A {name} cuts wooden planks in workshops." for name in tools}
    rows["leave-2024.txt"] = "Parents stay at home for 26 weeks after the birth of a child."
    rows["leave-2025.txt"] = "Parents stay at home for 24 weeks after the birth of a child."
    return rows


@pytest.fixture
def served(connect, make_library, tmp_path, texts):
    root = tmp_path / "texts"
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return connect(make_library(default=root))


def test_topics_are_found_stored_and_filter_a_search(served):
    nothing = served.get("/v1/topics").json()
    assert nothing == {"collection": "default", "topics": [], "passages": 0, "unassigned": 10,
                       "can_update": True}  # fmt: skip
    found = served.post("/v1/topics", json={"count": 3}).json()
    assert [len(found["topics"]), found["passages"], found["updated"]] == [3, 10, False]
    assert all("root" not in hit for topic in found["topics"] for hit in topic["central"])
    stored = served.get("/v1/topics").json()
    assert stored["passages"] == 10 and stored["unassigned"] == 0
    assert [(t["name"], t["passages"]) for t in stored["topics"]] == [
        (t["name"], t["passages"]) for t in found["topics"]
    ]
    animals = next(t["name"] for t in stored["topics"] if "animal" in t["terms"])
    body = {"query": "planks", "where": f'topic = "{animals}"'}
    hits = served.post("/v1/search", json=body).json()["hits"]
    assert {hit["path"] for hit in hits} == {
        f"animals/{n}.txt" for n in ("cat", "dog", "owl", "fox")
    }


def test_the_map_has_each_text_as_a_point_in_a_group(served, texts):
    found = served.get("/v1/map?color=folder").json()
    assert found["groups"] == [{"name": "animals", "points": 4}, {"name": "tools", "points": 4},
                               {"name": "/", "points": 2}]  # fmt: skip
    columns = [found[name] for name in ("passage_id", "x", "y", "group", "document")]
    assert {len(column) for column in columns} == {len(texts)}
    for id_, _, _, group, document in zip(*columns, strict=True):
        path = served.get(f"/v1/get?reference={id_}").json()["path"]
        assert path == found["documents"][document]["path"]
        assert (path.rpartition("/")[0] or "/") == found["groups"][group]["name"]
    again = served.get("/v1/map?color=type").json()
    assert (again["x"], again["kept"]) == (found["x"], len(texts))


def test_duplicates_say_what_differs_and_name_no_folder(served):
    found = served.get("/v1/duplicates?min_score=0.8&limit=50").json()
    (first, second), *_ = [g for g in found["groups"] if "Parents" in g[0]["passage"]["text"]]
    assert first["difference"] is None
    assert second["difference"]["changes"] == ["numbers"]
    assert second["difference"]["removed_numbers"] + second["difference"]["added_numbers"] in (
        ["26", "24"], ["24", "26"])  # fmt: skip
    version = [pair for pair in found["documents"] if pair["relation"] == "version"]
    assert [(p["path"], p["other_path"]) for p in version] == [("leave-2024.txt", "leave-2025.txt")]
    assert served.get("/v1/duplicates?min_score=0.3").status_code == 400


def test_a_judgement_is_stored_shown_and_forgotten(served):
    query = "how long do parents stay?"
    hit = served.post("/v1/search", json={"query": query}).json()["hits"][0]
    body = {"query": query, "references": [str(hit["passage_id"])], "relevant": True}
    (stored,) = served.post("/v1/judge", json=body).json()["judgements"]
    assert stored["relevant"] is True
    assert (stored["document_id"], stored["path"]) == (hit["document_id"], hit["path"])
    assert served.get("/v1/judgements", params={"query": query}).json()["judgements"] == [stored]
    assert served.get("/v1/judgements?query=other").json()["judgements"] == []
    near = served.post("/v1/nearest", json={"query": query}).json()
    assert near["judgements"] == [stored]
    served.post("/v1/judge", json={**body, "relevant": None})
    assert served.get("/v1/judgements").json() == {"collection": "default", "judgements": [],
                                                   "next": None}  # fmt: skip
    for reference in ("999999", "/etc/passwd", "nothing.txt"):
        refused = served.post("/v1/judge", json={**body, "references": [reference]})
        assert refused.status_code == 400 and "root:" not in refused.text


def test_an_encoder_that_is_no_transformer_is_not_explained(served):
    refused = served.post("/v1/explain", json={"text": "The bank of the river"})
    assert refused.status_code == 400
    assert "cannot be looked into" in refused.json()["error"]["message"]


def test_a_text_is_explained_by_the_collections_model(connect, tmp_path, folder):
    model = tmp_path / "tiny"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    write_tokenizer(model / "tokenizer.json")
    save_file(tiny_weights(), model / "model.safetensors", metadata={"format": "pt"})
    encoder = load(str(model))
    collection = Collection(tmp_path / "kit", encoder=encoder)
    collection.index(folder)
    library = Library({"default": collection})
    try:
        client = connect(library)
        body = {"text": "the cat sat on the mat", "neighbors": 2}
        found = client.post("/v1/explain", json=body).json()
        size = len(found["tokens"])
        expected = encoder.explain(body["text"], None, 2)
        assert [token["token"] for token in found["tokens"]] == list(expected.tokens)
        assert (found["layers"], found["layer"]) == (CONFIG["num_hidden_layers"],) * 2
        assert [len(row) for row in found["rollout"]] == [size] * size
        assert all(abs(sum(row) - 1) < 1e-3 for row in found["rollout"])
        first = client.post("/v1/explain", json={**body, "layer": 1}).json()
        assert np.allclose(first["rollout"], expected.rollout[0], atol=1e-4)
        for wrong in ({"layer": 99}, {"word": "dog"}, {"text": " "}, {"text": "x" * 2_001}):
            assert client.post("/v1/explain", json={**body, **wrong}).status_code == 400
    finally:
        library.close()


def test_a_collection_that_is_only_read_shows_everything_and_stores_nothing(
    connect, make_library, tmp_path, folder, encoder
):
    make_library(default=folder).close()
    own = tmp_path / "checkout" / ".ragkit"  # it came with somebody's files
    (own.parent / ".git").mkdir(parents=True)
    shutil.copytree(tmp_path / "kits" / "default", own)
    before = (own / "ragkit.db").read_bytes()
    collection = Collection(own, create=False, encoder=encoder, notify=lambda line: None)
    library = Library({"default": collection})
    try:
        client = connect(library)
        for path, body in (
            ("judge", {"query": "cats", "references": ["1"], "relevant": True}),
            ("topics", {}),
        ):
            refused = client.post(f"/v1/{path}", json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "read_only")
        assert client.get("/v1/topics").json()["can_update"] is False
        assert len(client.get("/v1/map").json()["x"]) == 4
        assert client.get("/v1/duplicates").status_code == 200
    finally:
        library.close()
    assert (own / "ragkit.db").read_bytes() == before and not (own / "map.json").exists()
