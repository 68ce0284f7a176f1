"""Resources, errors and threads of the server, through the SDK's own client in one process."""

import asyncio
import json
import logging
import threading
import zipfile

import pytest

from ragkit.errors import CollectionError
from ragkit.serving.collections.uris import root_name
from tests.lazy_modules import import_when_used
from tests.serving.clients import TRAVERSALS, run

mcp = import_when_used("mcp", 'needs pip install "ragkit-search[mcp]"')


def test_resources_are_the_documents_in_pages(collection, folder, monkeypatch):
    collection.index(folder)
    monkeypatch.setattr("ragkit.serving.mcp.server.PAGE_SIZE", 2)

    async def read(client):
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
        contents = [
            (await client.read_resource(resource.uri)).contents[0]
            for resource in [*first.resources, *second.resources]
        ]
        return first, second, contents

    first, second, contents = run(collection, read)
    assert [r.name for r in first.resources] == ["keys.md", "leave.txt"]
    assert [r.name for r in second.resources] == ["sub/cats.txt"]
    assert second.next_cursor is None
    names = ("keys.md", "leave.txt", "sub/cats.txt")
    assert [content.text for content in contents] == [(folder / n).read_text() for n in names]
    assert {content.mime_type for content in contents} == {"text/plain"}


def test_members_of_an_archive_are_resources_too(collection, folder):
    with zipfile.ZipFile(folder / "old.zip", "w") as archive:
        archive.writestr("2019/birds.txt", "Birds sing in the morning.\n")
    collection.index(folder)

    async def read(client):
        listed = (await client.list_resources()).resources
        member = next(resource for resource in listed if resource.name == "old.zip/2019/birds.txt")
        return (await client.read_resource(member.uri)).contents[0].text

    assert run(collection, read) == "Birds sing in the morning.\n"


def test_a_cursor_of_another_server_is_refused(collection, folder):
    collection.index(folder)
    for cursor in ("ragkit://notes/keys.md", "-1", "1; DROP", "9" * 19):
        with pytest.raises(mcp.MCPError, match="is not a cursor"):
            run(collection, lambda client, it=cursor: client.list_resources(cursor=it))


def test_a_cursor_stays_valid_while_files_are_removed(collection, folder, monkeypatch):
    collection.index(folder)
    monkeypatch.setattr("ragkit.serving.mcp.server.PAGE_SIZE", 1)

    async def walk(client):
        names, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            names += [resource.name for resource in page.resources]
            cursor = page.next_cursor
            if cursor is None:
                return names
            if names == ["keys.md"]:
                await asyncio.to_thread(collection.remove, folder / "keys.md")

    assert run(collection, walk) == ["keys.md", "leave.txt", "sub/cats.txt"]


def test_a_part_of_a_document_is_a_resource_too(collection, folder):
    collection.index(folder)
    uri = f"ragkit://{root_name(str(folder))}/keys.md#L3"
    resource = run(collection, lambda client: client.read_resource(uri))
    assert resource.contents[0].text == "Rotate the signing keys every ninety days."
    assert resource.contents[0].uri == uri


def test_no_resource_reads_outside_the_collection(collection, folder):
    collection.index(folder)
    name = root_name(str(folder))

    async def work(client):
        for reference in TRAVERSALS:
            with pytest.raises(mcp.MCPError, match=r"no document|is not a resource") as caught:
                await client.read_resource(uri := reference.replace("HOST", name))
            assert caught.value.error.data == {"uri": uri}
        return "refused"

    assert run(collection, work) == "refused"


def test_a_document_in_an_archive_is_read_by_its_uri(collection, folder):
    with zipfile.ZipFile(folder / "docs.zip", "w") as archive:
        archive.writestr("guide/intro.md", "# Intro\n\nZebras graze.\n")
        archive.writestr("other.txt", "Something else.\n")
    collection.index(folder)
    uri = f"ragkit://{root_name(str(folder))}/docs.zip/guide/intro.md"
    resource = run(collection, lambda client: client.read_resource(uri))
    assert resource.contents[0].text == "# Intro\n\nZebras graze.\n"


@pytest.mark.parametrize(
    "error", [CollectionError("/srv/secret is damaged"), ValueError("/srv/secret")]
)
def test_internal_errors_go_to_the_log_only(ask, collection, monkeypatch, caplog, error):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr(collection, "search_with", failing)
    with caplog.at_level(logging.ERROR, "ragkit"):
        result = ask("search", query="x")
    assert result.is_error
    assert result.content[0].text == (
        "the collection cannot be used now; the server's log says why"
    )
    assert "/srv/secret" in caplog.text


def test_searches_run_concurrently(ask, collection, monkeypatch):
    """Four calls that each wait for the other three: they end only if they run at once."""
    together = threading.Barrier(4, timeout=60)
    search = collection.search_with

    def waiting(*arguments, **named):
        together.wait()
        return search(*arguments, **named)

    monkeypatch.setattr(collection, "search_with", waiting)

    async def work(client):
        calls = [client.call_tool("search", {"query": f"cats {n}"}) for n in range(4)]
        return await asyncio.gather(*calls)

    assert [result.is_error for result in run(collection, work)] == [False] * 4


def test_changes_of_the_collection_are_visible_without_a_restart(collection, folder):
    collection.index(folder)

    async def work(client):
        (folder / "zebra.txt").write_text("Zebras graze.\n")
        await asyncio.to_thread(collection.index, folder)
        return await client.call_tool("search", {"query": "zebras graze", "k": 1})

    (hit,) = run(collection, work).structured_content["results"]
    assert hit["citation"] == "zebra.txt#L1"


def test_a_call_to_a_damaged_collection_names_no_folder(ask, collection, monkeypatch):
    def failing():
        raise CollectionError("/srv/secret is damaged")

    monkeypatch.setattr(collection, "status", failing)
    result = ask("fetch", id="nothing.txt")
    assert result.is_error
    assert "/srv/secret" not in result.content[0].text


@pytest.mark.parametrize("names", [["notes"], ["notes", "code"]])
def test_the_tool_definitions_take_less_than_4096_tokens(names):
    """Four characters a token: the tokenizers of language models were measured at 4.1 and 4.2."""
    from ragkit.serving.mcp.server import _describe
    from ragkit.serving.mcp.tools import make_tools

    listed = [
        _describe(tool).model_dump(mode="json", by_alias=True, exclude_none=True)
        for tool in make_tools(names)
    ]
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    assert len(text) / 4 < 4_096
