"""The endpoints behind the page: overview, facets, nearest sentences, folders, files."""

import base64

import pytest
from starlette.testclient import TestClient

from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.collections.folders import AddedFolders, FolderRights
from tests.serving.collections.test_watching import wait_until


def test_the_overview_has_folders_files_and_questions(client):
    found = client.get("/v1/overview").json()
    assert found["folders"] == [{"label": "notes", "documents": 3}]
    assert {file["path"] for file in found["newest"]} == {"keys.md", "leave.txt", "sub/cats.txt"}
    assert found["questions"] == ["What does “Keys” say about storage?"]
    assert "ragkit index FOLDER" in found["add_folders"] and "--upload-to" in found["upload"]
    assert not found["can_open_files"]  # the test's client is not on loopback


def test_facets_are_counted_under_a_filter(client):
    body = {"where": "type = txt", "chosen": {"folder": ['path ~ "sub/**"']}}
    found = client.post("/v1/facets", json=body).json()
    assert [value["label"] for value in found["folder"]] == ["sub"]
    assert found["type"] == [{"label": "txt", "documents": 1, "where": 'type = "text/plain"'}]
    assert client.post("/v1/facets", json={"where": "type ="}).status_code == 400


def test_the_nearest_sentence_is_a_part_of_its_document(client):
    body = {"query": "signing keys", "k": 2, "mode": "hybrid"}
    (hit, *_) = client.post("/v1/search", json=body).json()["hits"]
    found = client.post("/v1/nearest", json=body).json()
    (sentence,) = [s for s in found["sentences"] if s["passage_id"] == hit["passage_id"]]
    assert hit["start"] <= sentence["start"] < sentence["end"] <= hit["end"]
    assert found["notices"] == []


def test_nothing_close_is_said(client):
    found = client.post("/v1/nearest", json={"query": "xylophone quixotic"}).json()
    assert found["notices"][0].startswith("nothing close: best score")


def test_files_are_opened_for_local_callers_only(client):
    answer = client.post("/v1/documents/1/open", json={})
    assert answer.status_code == 400 and "own machine" in answer.json()["error"]["message"]


def test_what_is_not_allowed_is_refused_with_the_reason(client):
    upload = {"name": "a.txt", "data": base64.b64encode(b"text").decode()}
    for path, body, option in (
        ("folders", {"folder": "x"}, "--add-from"),
        ("uploads", upload, "--upload-to"),
    ):
        answer = client.post(f"/v1/{path}", json=body)
        assert answer.status_code == 400 and option in answer.json()["error"]["message"]


@pytest.fixture
def allowed(library, tmp_path):
    for name in ("more", "sent"):
        (tmp_path / name).mkdir()
    (tmp_path / "more" / "tea.txt").write_text("Tea is a drink.\n")
    rights = FolderRights((str(tmp_path / "more"),), str(tmp_path / "sent"))
    app = create_app(library, ServerOptions(), folders=AddedFolders(rights))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def finished(client):
    state = client.get("/v1/index").json()["state"]
    assert state in ("running", "done")
    return state == "done"


def test_a_folder_and_a_file_are_added_and_indexed(allowed, library):
    assert allowed.get("/v1/folders").json() == {"folders": ["more"]}
    assert allowed.post("/v1/folders", json={"folder": "more"}).status_code == 202
    wait_until(lambda: finished(allowed))
    body = {"name": "coffee.txt", "data": base64.b64encode(b"Coffee is a drink.\n").decode()}
    stored = allowed.post("/v1/uploads", json=body).json()
    assert (stored["name"], stored["is_new"], stored["root"]) == ("coffee.txt", True, "sent")
    assert allowed.post("/v1/index", json={"roots": ["sent"]}).status_code == 202
    wait_until(lambda: finished(allowed))
    paths = {entry.path for entry in library["default"].collection.documents()}
    assert {"tea.txt", "coffee.txt"} <= paths
    assert allowed.post("/v1/uploads", json={**body, "data": "no base64!"}).status_code == 400
