"""The encoder of a collection, and its cache of query vectors."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.models import selection
from ragkit.models.selection import resolve_spec, spec_from_settings
from tests.conftest import WordEncoder
from tests.encoders.server import serving

AT = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("settings", "stored", "expected"),
    [
        ({}, None, ModelSpec("all-MiniLM-L6-v2")),
        ({"dimensions": 8}, None, ModelSpec("all-MiniLM-L6-v2", dimensions=8)),
        ({}, ModelSpec("m", "int8", 8), ModelSpec("m", "int8", 8)),
        ({"precision": "fp32"}, ModelSpec("m", "int8", 8), ModelSpec("m", "fp32", 8)),
        ({"model": "m"}, ModelSpec("m", "int8", 8), ModelSpec("m", "int8", 8)),
        ({"model": "n"}, ModelSpec("m", "int8", 8), ModelSpec("n")),
        ({"base_url": AT}, ModelSpec("m"), ModelSpec("m")),  # names a server for other collections
        ({"base_url": AT, "window": 64}, ModelSpec("m"), ModelSpec("m")),
        ({"base_url": AT, "model": "m"}, ModelSpec("m"), ModelSpec("m", base_url=AT)),
        (
            {"base_url": AT, "model": "n", "window": 64},
            None,
            ModelSpec("n", base_url=AT, window=64),
        ),
        (
            {"base_url": AT},
            ModelSpec("n", base_url="https://old.example/v1", probe="AA=="),
            ModelSpec("n", base_url=AT, probe="AA=="),
        ),
    ],
)
def test_settings_override_the_stored_spec(settings, stored, expected):
    assert spec_from_settings(Settings(**settings), stored) == expected


def test_a_folder_has_one_spec_under_all_its_names(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").touch()
    monkeypatch.chdir(tmp_path)
    stored = ModelSpec(str(tmp_path / "mine"), dimensions=8)
    for name in ("mine", "./mine", str(tmp_path / "mine")):
        assert spec_from_settings(Settings(model=name, base_url=AT), stored) == stored
        assert spec_from_settings(Settings(model=name, base_url=AT), None) == ModelSpec(name)


def test_a_server_without_a_model_is_refused():
    with pytest.raises(UsageError, match=r"no model of it; name one with --model"):
        spec_from_settings(Settings(base_url=AT), None)


def test_a_stored_address_is_used_only_on_this_machine():
    """The folder may come from somebody else."""
    foreign = ModelSpec("m", base_url="https://evil.example/v1")
    with pytest.raises(ModelError, match=r"RAGKIT_BASE_URL=https://evil\.example/v1"):
        resolve_spec(Settings(api_key_env="MY_KEY"), foreign)
    spec = resolve_spec(Settings(api_key_env="MY_KEY"), ModelSpec("m", base_url=AT))
    assert (spec.base_url, spec.api_key_env) == (AT, None)  # no key to where nobody sent it
    mine = resolve_spec(Settings(base_url="https://mine.example", api_key_env="MY_KEY"), foreign)
    assert (mine.base_url, mine.api_key_env) == ("https://mine.example", "MY_KEY")


@pytest.fixture
def model(monkeypatch):
    """Return the encoder of a spec: its fingerprint depends on precision and dimensions."""

    def load(spec):
        encoder = WordEncoder()
        encoder.name, encoder.dimension = spec.name, spec.dimensions or 64
        encoder.fingerprint = f"{spec.name}-{spec.precision}-{encoder.dimension}".ljust(64, "0")
        return encoder

    monkeypatch.setattr("ragkit.encoders.resolve.load", load)


@pytest.fixture
def open_model_collection(tmp_path):
    """Return a function that opens the collection with these settings, like a new process."""
    opened = []

    def open_(**settings):
        opened.append(Collection(tmp_path / "kit", settings=Settings(**settings)))
        return opened[-1]

    yield open_
    for collection in opened:
        collection.close()


@pytest.mark.usefixtures("model")
def test_another_process_loads_the_same_encoder(open_model_collection, folder):
    open_model_collection(model="m", dimensions=16, precision="int8").index(folder)
    assert open_model_collection().search("parents at home", k=1)[0].path == "leave.txt"
    assert open_model_collection().model() == ModelSpec("m", "int8", 16)
    assert open_model_collection().index().unchanged == 3
    assert open_model_collection().status().dimension == 16


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dimensions": 8}, r"not with m \(8 dimensions\).*--rebuild --model m --dimensions 8"),
        (
            {"precision": "int8"},
            r"model m \(16 dimensions\).*not with m \(16 dimensions, int8\).*"
            r"--model m --dimensions 16 --precision int8",
        ),
        ({"model": "n"}, r"not with n \(n-fp32-64.*--rebuild --model n --dimensions 64"),
    ],
)
def test_another_model_is_refused_with_the_rebuild_command(
    open_model_collection, folder, settings, says
):
    open_model_collection(model="m", dimensions=16).index(folder)
    with pytest.raises(ModelError, match=says):
        open_model_collection(**settings).index(folder)
    rebuilt = open_model_collection(**settings).index(folder, rebuild=True)
    assert rebuilt.embedded == 4
    assert open_model_collection().model() == spec_from_settings(
        Settings(**settings), ModelSpec("m", dimensions=16)
    )
    assert len(open_model_collection().search("parents at home")) == 4


def test_query_vectors_are_cached(collection, folder, encoder, monkeypatch):
    monkeypatch.setattr(selection, "MAX_CACHED_QUERIES", 2)
    collection.index(folder)
    encoded = []
    encode = encoder.encode_queries
    encoder.encode_queries = lambda texts: encoded.extend(texts) or encode(texts)
    first = collection.search("keys")
    for query in ("keys", "cats", "keys", "home", "keys", "cats"):
        collection.search(query, mode="hybrid")
    assert encoded == ["keys", "cats", "home", "cats"]  # "cats" was the oldest when "home" came
    assert collection.search("keys") == first


def test_a_cached_vector_is_read_only(collection, folder, encoder):
    collection.index(folder)
    vector = collection._encoders.query_vector(encoder, "keys")
    with pytest.raises(ValueError, match="read-only"):
        vector += 1


def test_threads_share_the_cache(collection, folder, encoder, monkeypatch):
    monkeypatch.setattr(selection, "MAX_CACHED_QUERIES", 3)
    collection.index(folder)
    queries = [f"key {n % 7}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(lambda q: collection._encoders.query_vector(encoder, q), queries))
    np.testing.assert_array_equal(vectors, encoder.encode_queries(queries))


@pytest.fixture
def server(encoder, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(encoder.encode_queries) as server:
        yield server


def test_a_collection_uses_its_server_and_stores_no_key(
    open_model_collection, folder, server, monkeypatch
):
    monkeypatch.setenv("MY_KEY", "sk-0123")
    at = {"base_url": server.url, "api_key_env": "MY_KEY"}
    assert open_model_collection(model="served", **at).index(folder).embedded == 4
    assert {request["model"] for request in server.requests} == {"served"}
    assert server.headers[-1]["Authorization"] == "Bearer sk-0123"
    assert open_model_collection(**at).search("parents at home", k=1)[0].path == "leave.txt"
    assert (
        open_model_collection().search("parents at home", k=1)[0].path == "leave.txt"
    )  # on this machine
    assert "Authorization" not in server.headers[-1]
    database = (open_model_collection().folder / "ragkit.db").read_bytes()
    assert b"sk-0123" not in database
    assert b"MY_KEY" not in database


def test_a_server_may_move_but_not_change_its_model(open_model_collection, folder, server, encoder):
    open_model_collection(model="served", base_url=server.url).index(folder)
    with serving(encoder.encode_queries) as moved:
        assert open_model_collection(base_url=moved.url).index().unchanged == 3
        with open_model_collection()._store.reading() as connection:
            (options,) = connection.execute("SELECT options FROM models").fetchone()
        assert json.loads(options)["base_url"] == moved.url
        moved.encode = lambda texts: encoder.encode_queries(texts)[:, ::-1]
        with pytest.raises(ModelError, match="another model under the name served"):
            open_model_collection().search("keys")
        assert open_model_collection().index(rebuild=True).embedded == 4
        assert open_model_collection().search("parents at home", k=1)[0].path == "leave.txt"


def test_text_is_stored_if_the_server_fails(open_model_collection, folder, server):
    open_model_collection(model="served", base_url=server.url).index(folder)
    (folder / "new.txt").write_text("Dogs bark at night.")
    server.troubles = [(401, {}, {"error": "no"})]
    with pytest.raises(ModelError, match="401: no"):
        open_model_collection().index()
    assert open_model_collection().status().pending == 1
    assert open_model_collection().index().embedded == 1


class _CountingEncoder:
    """Counts a token for each word and remembers which texts it has counted."""

    name, window = "words", 8

    def __init__(self):
        self.counted = []

    def count_tokens(self, texts):
        self.counted += texts
        return [len(text.split()) for text in texts]


def test_only_texts_that_may_exceed_the_window_are_counted():
    encoder = _CountingEncoder()
    warning = selection.ModelSelection.truncation_warning(
        encoder, ["a bc", "ä", "a b c d e f g h i"]
    )
    assert encoder.counted == ["ä", "a b c d e f g h i"]
    assert warning == "1 of the queries have up to 9 tokens; words reads the first 8 of them"
    assert selection.ModelSelection.truncation_warning(encoder, ["a b"]) is None


def test_a_short_name_is_stored_in_full(tmp_path):
    settings = Settings(model="multilingual")
    spec = selection.spec_from_settings(settings, None)
    assert spec.name == "intfloat/multilingual-e5-small"
    assert selection.spec_from_settings(settings, spec) == spec  # named again: the same model
    on_server = Settings(model="multilingual", base_url="http://localhost:1/v1")
    assert selection.spec_from_settings(on_server, None).name == "multilingual"
