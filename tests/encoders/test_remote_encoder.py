"""The remote encoder with the tiny model behind a real HTTP server on this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.encoders import Encoder, remote_encoder
from ragkit.encoders.remote_encoder import RemoteEncoder, probe_server
from ragkit.encoders.resolve import load
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError
from tests.encoders.server import Server, serving

TEXTS = ["the key rotates", "bank", "every week the river .", "é 日"]


@pytest.fixture
def local(tiny: Path) -> SentenceEncoder:
    return load(str(tiny))


@pytest.fixture
def server(local: SentenceEncoder) -> Iterator[Server]:
    """Yield a server whose vectors have length 3: the client normalizes them."""
    with serving(lambda texts: 3 * known_vectors(local, texts)) as server:
        yield server


def known_vectors(local: SentenceEncoder, texts: list[str]) -> np.ndarray:
    """Return the tiny model's vectors; another one for texts that its vocabulary does not know."""
    vectors = local.encode_passages(texts).copy()
    ascending = np.arange(32, dtype=np.float32)
    vectors[~vectors.any(axis=1)] = ascending / np.linalg.norm(ascending)
    return vectors


def spec(server: Server, **more: Any) -> ModelSpec:
    return ModelSpec("served", base_url=server.url, **more)


def encoder(server: Server, **more: Any) -> RemoteEncoder:
    return RemoteEncoder(probe_server(spec(server, **more)))


@pytest.mark.parametrize("knows_base64", [True, False])
def test_the_vectors_are_those_of_the_model(
    server: Server, local: SentenceEncoder, knows_base64: bool
) -> None:
    server.knows_base64 = knows_base64
    remote: Encoder = encoder(server)
    for encode in (remote.encode_queries, remote.encode_passages):
        np.testing.assert_allclose(encode(TEXTS), known_vectors(local, TEXTS), atol=1e-6)
    assert (remote.dimension, remote.name) == (32, "served")
    assert remote.encode_queries(TEXTS).dtype == np.float32
    assert remote.encode_passages([]).shape == (0, 32)


def test_requests_are_bounded_and_vectors_stay_in_order(
    server: Server, local: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_encoder, "_MAX_TOKENS", 60)
    texts = ["the key " * (i % 7) + "week ." for i in range(150)]
    remote = encoder(server)
    np.testing.assert_allclose(
        remote.encode_passages(texts), known_vectors(local, texts), atol=1e-5
    )
    assert max(len(request["input"]) for request in server.requests) <= 32
    sizes = [sum(remote.count_tokens(request["input"])) for request in server.requests]
    assert max(sizes) <= 60 + remote.count_tokens([remote_encoder.PROBE])[0]


def test_the_first_request_alone_carries_the_probe(server: Server) -> None:
    known = probe_server(spec(server))
    server.requests.clear()
    remote = RemoteEncoder(known)
    assert server.requests == []
    remote.encode_queries(["key"])
    remote.encode_queries(["bank"])
    inputs = [request["input"] for request in server.requests]
    assert inputs == [["key", remote_encoder.PROBE], ["bank"]]


def test_a_changed_model_is_detected(server: Server) -> None:
    known = probe_server(spec(server))
    honest = server.encode
    server.encode = lambda texts: honest(texts)[:, ::-1]
    with pytest.raises(ModelError, match=r"another model under the name served.*--rebuild"):
        RemoteEncoder(known).encode_queries(["key"])
    with pytest.raises(ModelError, match="another model"):
        probe_server(known)
    server.encode = lambda texts: honest(texts) + 0.01 * np.float32(np.arange(32) % 2)
    RemoteEncoder(known).encode_queries(["key"])  # noise of another processor


def test_another_dimension_is_detected(server: Server) -> None:
    known = probe_server(spec(server))
    honest = server.encode
    server.encode = lambda texts: honest(texts)[:, :16]
    with pytest.raises(ModelError, match=r"\[16\] numbers.*expected 32"):
        RemoteEncoder(known).encode_queries(["key"])


def test_the_fingerprint_follows_the_model_not_the_address(server: Server) -> None:
    known = probe_server(spec(server))
    moved = dataclasses.replace(known, base_url="http://elsewhere.example/v1")
    assert RemoteEncoder(moved).fingerprint == RemoteEncoder(known).fingerprint
    others = [
        dataclasses.replace(known, name="other"),
        dataclasses.replace(known, dimensions=8),
        dataclasses.replace(known, window=64),
    ]
    prints = {RemoteEncoder(endpoint).fingerprint for endpoint in (known, *others)}
    assert len(prints) == 4


def test_dimensions_truncates_to_unit_rows(server: Server, local: SentenceEncoder) -> None:
    first = known_vectors(local, TEXTS)[:, :8]
    expected = first / np.linalg.norm(first, axis=1, keepdims=True)
    vectors = encoder(server, dimensions=8).encode_queries(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    with pytest.raises(ModelError, match="32 numbers; --dimensions is 33"):
        encoder(server, dimensions=33)


def test_prompts_of_known_families_are_added(server: Server) -> None:
    known = probe_server(ModelSpec("intfloat/e5-small-v2", base_url=server.url))
    remote = RemoteEncoder(known)
    remote.encode_queries(["key"])
    remote.encode_passages(["key"])
    assert [request["input"][0] for request in server.requests[1:]] == [
        "query: key",
        "passage: key",
    ]
    assert remote.window == 256 - 2 - remote.count_tokens(["passage: "])[0]


def test_a_named_tokenizer_counts_the_tokens(
    server: Server, local: SentenceEncoder, tiny: Path
) -> None:
    remote = encoder(server, tokenizer=str(tiny), window=32)
    assert remote.window == local.window == 30
    for text in TEXTS:
        np.testing.assert_array_equal(remote.token_spans(text), local.token_spans(text))
    assert remote.count_tokens(TEXTS) == local.count_tokens(TEXTS)
    assert remote.fingerprint != encoder(server, window=32).fingerprint


def test_unusual_texts_are_truncated_and_never_empty(server: Server) -> None:
    remote = encoder(server)
    odd = ["", "   ", "\0", "a\ud800b", "👍🏽", "x" * 1_000_000, "the key " * 1_000]
    server.requests.clear()
    vectors = remote.encode_passages(odd)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    sent = [text for request in server.requests for text in request["input"]]
    assert all(sent)
    assert max(remote.count_tokens(sent)) == remote.window == 254
    assert remote.count_tokens(odd)[-2:] == [250_000, 2_000]  # what is cut off can be told


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, "not return a list of 1 embeddings"),
        ({"data": []}, "not return a list of 1"),
        ({"data": [{"index": 5, "embedding": [1, 2]}]}, "not return a list of 1"),
        ({"data": [{"embedding": "?"}]}, "not valid base64"),
        ({"data": [{"embedding": "AAA="}]}, "not return a list"),
        ({"data": [{"embedding": [[1.0]]}]}, "2 axes"),
        ({"data": [{"embedding": ["a"]}]}, "not return a list"),
        ({"data": [{"embedding": [1, None]}]}, "not finite|not return a list"),
        ({"data": [{"embedding": []}]}, "vectors of .0. numbers"),
        ({"data": [{"embedding": [1]}, {"index": 1, "embedding": [1]}]}, "2 vectors"),
        (b'{"data": [{"embedding": [NaN, 1.0]}]}', "not finite"),
    ],
)
def test_malformed_responses_are_refused(server: Server, answer: Any, says: str) -> None:
    server.troubles = [(200, {}, answer)]
    with pytest.raises(ModelError, match=says):
        probe_server(spec(server))


def test_other_client_errors_are_reported(server: Server) -> None:
    server.troubles = [(400, {}, {"error": "no such model"})] * 2
    with pytest.raises(ModelError, match="no such model"):
        probe_server(spec(server))
    assert "encoding_format" not in server.requests[1]


@pytest.mark.model
def test_the_real_model_behind_a_server(minilm: SentenceEncoder) -> None:
    texts = ["Parents may stay at home.", "Where are the keys?", "naïve 日本 👍🏽"]
    with serving(minilm.encode_passages) as server:
        vectors = encoder(server).encode_passages(texts)
    np.testing.assert_allclose(vectors, minilm.encode_passages(texts), atol=1e-6)


def test_a_row_of_zeros_is_a_text_that_the_server_cannot_read(local: SentenceEncoder) -> None:
    def encode(texts: list[str]) -> np.ndarray:
        return np.where([["ไ" in text] for text in texts], 0, known_vectors(local, texts))

    with serving(encode) as server:
        vectors = encoder(server).encode_passages(["bank", "ภาษาไทย"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0], atol=1e-6)


def test_zeros_for_the_probe_are_a_broken_server(local: SentenceEncoder) -> None:
    with (
        serving(lambda texts: 0 * known_vectors(local, texts)) as server,
        pytest.raises(ModelError, match="returned a vector of zeros; is served intact"),
    ):
        encoder(server)
