"""Exports of Slack: one document per channel and day, with the names of people."""

import json

import pytest

from ragkit.documents.read import read_all
from ragkit.ingest import reading
from ragkit.storage.source_files import read_source
from tests.documents.files import make_zip

USERS = [{"id": "U02", "name": "max", "real_name": "Max Muster", "profile": {}}]
DAY = [
    {"type": "message", "subtype": "channel_join", "user": "U02", "text": "<@U02> has joined",
     "ts": "1710277400.000100"},
    {"type": "message", "user": "U01", "ts": "1710277500.000100",
     "user_profile": {"real_name": "Jane Roe"},
     "text": "Is a &lt; b? <https://example.org/x|the doc> <@U02> <#C01|general> <!here>",
     "blocks": [{"type": "rich_text", "elements": []}]},
    {"type": "message", "user": "U02", "ts": "1710277600.000100", "text": "Yes",
     "files": [{"title": "plan.pdf"}]},
]  # fmt: skip


def test_a_zip_resolves_names_and_entities():
    files = {"users.json": USERS, "channels.json": [], "general/2024-03-12.json": DAY}
    data = make_zip({name: json.dumps(value) for name, value in files.items()})
    records = {record.name: record for record in read_all(data, "export.zip")}
    assert records["users.json"].skipped
    document = records["general/2024-03-12.json"].document
    assert document.title == "#general, 2024-03-12"
    assert document.text == (
        "Jane Roe: Is a < b? the doc (https://example.org/x) @Max Muster #general @here\n\n"
        "Max Muster: Yes\nplan.pdf"
    )
    assert document.metadata == {
        "from": "Jane Roe, Max Muster", "date": "2024-03-12", "channel": "general",
    }  # fmt: skip


def test_an_export_in_a_folder_of_a_zip_has_its_own_names():
    other = [{**USERS[0], "real_name": "Another"}]
    files = {"users.json": other, "channels.json": [], "x/users.json": USERS,
             "x/channels.json": [], "x/general/2024-03-12.json": DAY}  # fmt: skip
    data = make_zip({name: json.dumps(value) for name, value in files.items()})
    records = {record.name: record for record in read_all(data, "export.zip")}
    assert [name for name in records if not records[name].skipped] == ["x/general/2024-03-12.json"]
    assert "Max Muster: Yes" in records["x/general/2024-03-12.json"].document.text


def test_a_day_in_a_folder_has_the_names_of_its_messages():
    (record,) = read_all(json.dumps(DAY).encode(), "general/2024-03-12.json")
    assert record.document.text.startswith("Jane Roe: Is a < b?")
    assert record.document.text.endswith("U02: Yes\nplan.pdf")


def test_other_files_named_by_a_date_stay_json():
    data = json.dumps([{"ts": "1710277500.000100", "value": 3}]).encode()
    (record,) = read_all(data, "sensor/2024-03-12.json")
    assert record.document.media_type == "application/json"


@pytest.mark.parametrize(
    ("name", "value"),
    [("users.json", USERS), ("x/channels.json", [{"id": "C01", "name": "a", "created": 1}])],
)
def test_lists_of_ids_are_no_documents(name, value):
    (record,) = read_all(json.dumps(value).encode(), name)
    assert (record.reason, record.skipped) == ("list of ids in an export of Slack", True)


def test_other_lists_of_users_are_documents():
    (record,) = read_all(b'[{"id": 7, "name": "Ann"}]', "users.json")
    assert "name: Ann" in record.document.text


def write(folder, files):
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))


def texts(collection, folder):
    collection.index(folder)
    return {hit.path: hit.text for hit in collection.search("yes", mode="lexical")}


def test_an_unpacked_export_resolves_names_by_its_list_of_users(collection, tmp_path):
    export = tmp_path / "work" / "export"
    write(export, {"users.json": USERS, "channels.json": [], "general/2024-03-12.json": DAY})
    found = texts(collection, tmp_path / "work")
    assert "Max Muster: Yes" in found["export/general/2024-03-12.json"]
    # A later export: the same day, and a person with another name.
    write(export, {"users.json": [{**USERS[0], "real_name": "Max Neu"}]})
    write(export, {"general/2024-03-12.json": DAY})
    assert "Max Neu: Yes" in texts(collection, tmp_path / "work")["export/general/2024-03-12.json"]
    (export / "users.json").unlink()
    write(export, {"general/2024-03-12.json": DAY})
    assert "U02: Yes" in texts(collection, tmp_path / "work")["export/general/2024-03-12.json"]


def test_a_list_of_users_outside_the_root_is_not_read(collection, tmp_path):
    write(tmp_path, {"users.json": USERS, "general/2024-03-12.json": DAY})
    assert "U02: Yes" in texts(collection, tmp_path / "general")["2024-03-12.json"]


def test_a_list_of_users_that_is_a_link_is_not_read(collection, tmp_path):
    write(tmp_path, {"private.json": USERS, "work/general/2024-03-12.json": DAY})
    (tmp_path / "work" / "users.json").symlink_to(tmp_path / "private.json")
    found = texts(collection, tmp_path / "work")
    assert "U02: Yes" in found["general/2024-03-12.json"]


@pytest.mark.parametrize("patterns", [("users.json",), ()])
def test_an_excluded_list_of_users_is_not_read(collection, tmp_path, patterns):
    write(tmp_path, {"users.json": USERS, "general/2024-03-12.json": DAY})
    if not patterns:
        (tmp_path / ".gitignore").write_text("/users.json\n")
    collection.index(tmp_path, exclude=patterns)
    (hit,) = collection.search("yes", mode="lexical")
    assert "U02: Yes" in hit.text


def test_one_channel_alone_has_the_names_of_the_list(collection, tmp_path):
    write(tmp_path, {"users.json": USERS, "general/2024-03-12.json": DAY})
    collection.index(tmp_path, include=["general/"])
    assert collection.status().documents == 1
    (hit,) = collection.search("yes", mode="lexical")
    assert "Max Muster: Yes" in hit.text


def test_the_list_of_users_is_read_once_for_all_days(collection, tmp_path, monkeypatch):
    days = {f"general/2024-03-{day}.json": DAY for day in range(10, 20)}
    write(tmp_path, {"users.json": USERS, **days})
    read: list[str] = []

    def spy(folder, path, max_bytes):
        read.append(path)
        return read_source(folder, path, max_bytes)

    monkeypatch.setattr(reading, "read_source", spy)
    assert len(texts(collection, tmp_path)) == len(days)
    assert read.count("users.json") == 2  # as a file of its own, and as the list
