"""Documents as files, by OpenAI's own client."""

import pytest

openai = pytest.importorskip("openai", reason="the client is not installed")

from ragkit.serving.app import ServerOptions, create_app  # noqa: E402

LEAVE = "Parents may stay at home for half a year."


def test_the_file_of_a_citation_can_be_retrieved_and_read(openai_client):
    response = openai_client.responses.create(model="default", input="who may stay at home?")
    (message,) = (item for item in response.output if item.type == "message")
    cited = message.content[0].annotations[0]
    file = openai_client.files.retrieve(cited.file_id)
    assert (file.id, file.filename, file.purpose) == (cited.file_id, "leave.txt", "assistants")
    assert file.bytes == len(LEAVE) + 1
    assert openai_client.files.content(cited.file_id).text == LEAVE + "\n"


def test_files_are_listed_page_by_page(openai_client):
    files = list(openai_client.files.list(limit=2))
    assert sorted(file.filename for file in files) == ["keys.md", "leave.txt", "sub/cats.txt"]
    assert openai_client.files.retrieve(files[0].id) == files[0]


@pytest.mark.parametrize("name", ["file-999999", "file-1-other", "nothing", "file-x"])
def test_an_unknown_file_is_not_found_or_refused(openai_client, name):
    with pytest.raises((openai.NotFoundError, openai.BadRequestError), match=r"file"):
        openai_client.files.retrieve(name)


def test_a_store_file_has_its_path_and_type_as_attributes(openai_client):
    files = openai_client.vector_stores.files.list("default")
    types = {file.attributes["path"]: file.attributes["type"] for file in files}
    assert types == {
        "keys.md": "text/markdown", "leave.txt": "text/plain", "sub/cats.txt": "text/plain",
    }  # fmt: skip


def test_ids_name_the_collection_where_there_are_several(make_library, folder, tmp_path, listen):
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "zebra.txt").write_text("Zebras graze.\n")
    library = make_library(notes=folder, zoo=tmp_path / "zoo")
    address = listen(create_app(library, ServerOptions()))
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        files = list(client.files.list(limit=3))
        assert [file.filename for file in files] == [
            "keys.md", "leave.txt", "sub/cats.txt", "zebra.txt",
        ]  # fmt: skip
        assert len({file.id for file in files}) == 4
        (hit,) = client.vector_stores.search("zoo", query="zebras")
        assert hit.file_id == files[-1].id
        assert client.files.content(hit.file_id).text == "Zebras graze.\n"
        with pytest.raises(openai.NotFoundError):
            client.vector_stores.files.retrieve(hit.file_id, vector_store_id="notes")
