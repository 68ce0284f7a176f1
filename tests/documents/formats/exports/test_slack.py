"""Exports of Slack: one document per channel and day, with the names of people."""

import json

from ragkit.documents.read import read_all
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


def test_a_day_in_a_folder_has_the_names_of_its_messages():
    (record,) = read_all(json.dumps(DAY).encode(), "general/2024-03-12.json")
    assert record.document.text.startswith("Jane Roe: Is a < b?")
    assert record.document.text.endswith("U02: Yes\nplan.pdf")


def test_other_files_named_by_a_date_stay_json():
    data = json.dumps([{"ts": "1710277500.000100", "value": 3}]).encode()
    (record,) = read_all(data, "sensor/2024-03-12.json")
    assert record.document.media_type == "application/json"
