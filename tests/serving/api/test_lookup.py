"""grep, glob, ls, read and related over HTTP."""

import pytest


def get(client, address, **query):
    response = client.get(address, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_grep_returns_matches_without_folders_of_this_machine(client, folder):
    result = get(client, "/v1/grep", pattern="KEYS", ignore_case="true", glob="*.md", context=1)
    assert [match["line"] for match in result["matches"]] == [1, 3]
    assert result["matches"][1]["citation"] == "keys.md#L3"
    assert str(folder) not in client.get("/v1/grep", params={"pattern": "a"}).text


def test_a_cursor_goes_on(client):
    first = get(client, "/v1/grep", pattern="a", limit=2)
    rest = get(client, "/v1/grep", pattern="a", cursor=first["cursor"])
    everything = get(client, "/v1/grep", pattern="a")
    assert first["matches"] + rest["matches"] == everything["matches"]


def test_lists(client):
    assert [e["path"] for e in get(client, "/v1/glob", pattern="*.txt")["entries"]] == [
        "leave.txt", "sub/cats.txt",
    ]  # fmt: skip
    assert [e["kind"] for e in get(client, "/v1/ls")["entries"]] == [
        "document", "document", "folder",
    ]  # fmt: skip
    assert get(client, "/v1/ls", path="sub", depth=2)["total"] == 1


def test_read_and_related(client):
    part = get(client, "/v1/read", reference="keys.md", lines="3-3")
    assert part["text"] == "Rotate the signing keys every ninety days.\n"
    found = get(client, "/v1/related", reference="keys.md#L3", k=1)
    assert found["passage"]["path"] == "keys.md"
    assert len(found["similar"]) == 1


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/v1/grep", {"pattern": "("}, "is no regular expression"),
        ("/v1/grep", {}, "pattern is missing"),
        ("/v1/grep", {"pattern": "a", "where": "path ~~ 3"}, "filter"),
        ("/v1/ls", {"path": "nowhere"}, "no folder nowhere"),
        ("/v1/read", {"reference": "/etc/passwd"}, "names no document"),
        ("/v1/read", {"reference": "keys.md", "pages": "1"}, "has no pages"),
        ("/v1/related", {"reference": "nothing.txt"}, "no document nothing.txt"),
    ],
)
def test_wrong_requests_are_400_with_the_reason(client, path, query, message):
    response = client.get(path, params=query)
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]
