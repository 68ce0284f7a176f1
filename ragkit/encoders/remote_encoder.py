"""`RemoteEncoder`: the embedding model of an OpenAI-compatible server, as an `Encoder`.

Contract: as `sentence_encoder.SentenceEncoder`: strings in, unit rows out, in the order given, safe
to share between threads. Sends text only to an address that the user has named. Truncation,
`dimensions` and the prompts of known model families are applied here, so that any server with
`POST /embeddings` works: https://platform.openai.com/docs/api-reference/embeddings

A server may change its model without notice, and the vectors of two models cannot be compared. So
`probe_server` stores the server's vector of a fixed text, the *probe*, and the first request of
every process sends that text along: another vector is an error. The fingerprint covers the probe
and not the address: a server may move. Knows no collection.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import digests, model_folder, pooling
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.spec import DEFAULT_SERVER_WINDOW, ModelSpec
from ragkit.encoders.tokenization import estimate
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, clean, token_batches
from ragkit.errors import ModelError
from ragkit.network.json_client import JsonClient, RefusedError

Array = NDArray[np.float32]

REMOTE_FORMAT = 1
PROBE = "Parents may stay at home for half a year; the signing keys rotate every ninety days."
MIN_PROBE_COSINE = 0.999  # half precision and other processors stay above, another model below
# By default text-embeddings-inference accepts 32 texts; others accept more.
_MAX_TEXTS = 32
_MAX_TOKENS = 8_192
_CONCURRENT_REQUESTS = 4
_SPECIAL_TOKENS = 2  # [CLS] and [SEP], or those of the server's model
_BASE64_REFUSED = {400, 422}  # HTTP status


def probe_server(spec: ModelSpec) -> ModelSpec:
    """Return the spec with the server's vector of the probe text.

    If the spec has one already, it is compared with the server's present vector. Makes one request.
    Raises ModelError if the vectors differ, and as `JsonClient.post`.
    """
    api = _EmbeddingsApi(spec)
    vector = api.embed([PROBE])[0]
    if not vector.any():  # of another text it would mean that the server cannot read that text
        raise ModelError(f"{spec.base_url} returned a vector of zeros; is {spec.name} intact?")
    if spec.probe is not None:
        _check_probe(spec, vector)
        return spec
    half = pooling.normalize_rows(vector[None])[0].astype("<f2")
    return dataclasses.replace(spec, probe=base64.b64encode(half.tobytes()).decode())


class RemoteEncoder:
    """An embedding model on a server, as an `Encoder`. `spec` is complete: see `probe_server`.

    Raises ModelError if the model has fewer dimensions than `spec` asks for, or if its prompts
    leave no room for text in the window.
    """

    def __init__(self, spec: ModelSpec) -> None:
        probe = _probe_vector(spec)
        self.name = spec.name
        self.dimension = spec.dimensions or len(probe)
        if self.dimension > len(probe):
            raise ModelError(
                f"{self.name} makes vectors of {len(probe)} numbers; "
                f"--dimensions is {self.dimension}"
            )
        self._spec = spec
        self._prompts = model_folder.family_prompts(spec.name)
        self._tokenizer_digest, self._tokenizer = _load_tokenizer(spec)
        size = spec.window or DEFAULT_SERVER_WINDOW
        self.window = size - _SPECIAL_TOKENS - max(self.count_tokens(self._prompts))
        if self.window < 1:
            raise ModelError(f"a window of {size} tokens leaves no room beside {self._prompts}")
        self.fingerprint = self._compute_fingerprint(size)
        self._api = _EmbeddingsApi(spec)
        self._is_probed = False
        self._probing = threading.Lock()

    def _compute_fingerprint(self, size: int) -> str:
        parts = {
            "format": REMOTE_FORMAT,
            "model": self._spec.name,
            "probe": self._spec.probe,
            "dimension": self.dimension,
            "window": size,
            "tokenizer": self._tokenizer_digest,
            "prompts": self._prompts,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Return the character offsets `[start, end)` of the tokens of `text`: (n, 2) int64, by the
        named tokenizer, else estimated."""
        return self._tokenizer.token_spans(text) if self._tokenizer else estimate.token_spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, prompt not counted; estimated without a
        tokenizer."""
        return (
            self._tokenizer.count_tokens(texts) if self._tokenizer else estimate.count_tokens(texts)
        )

    def encode_queries(self, texts: Sequence[str]) -> Array:
        """Return the vectors of queries: (n, d) float32, unit rows. The family's query prompt is
        added. A row of zeros, where the server returns one, is a text that it cannot read.

        Reads the first `window` tokens of each text. Raises ModelError if the server fails or has
        another model.
        """
        return self._encode(texts, self._prompts[0])

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """Return the vectors of passages: (n, d) float32, unit rows. The family's passage prompt is
        added.

        Truncates and raises as `encode_queries`.
        """
        return self._encode(texts, self._prompts[1])

    def _encode(self, texts: Sequence[str], prompt: str) -> Array:
        fitted = [self._fit(text) for text in texts]
        batches = list(
            token_batches(
                [size for _, size in fitted],
                _MAX_TOKENS,
                padded=False,
                in_order=True,
                max_texts=_MAX_TEXTS - 1,  # leaves room for the probe
            )
        )
        requests = [[prompt + fitted[i][0] for i in batch] for batch in batches]
        if len(requests) < 2:
            parts = [self._request(request) for request in requests]
        else:
            first = self._request(requests[0])  # alone: it may be the one with the probe
            with ThreadPoolExecutor(_CONCURRENT_REQUESTS) as pool:
                parts = [first, *pool.map(self._request, requests[1:])]
        vectors = np.concatenate([np.empty((0, self.dimension), np.float32), *parts])
        return pooling.normalize_rows(vectors)

    def _fit(self, text: str) -> tuple[str, int]:
        """The text as it is sent, and its number of tokens. Servers accept no empty text, and may
        refuse one that is too long instead of truncating it."""
        text = clean(text)
        spans = self.token_spans(text)
        if len(spans) > self.window:
            text, spans = text[: int(spans[self.window - 1, 1])], spans[: self.window]
        return text if text.strip() else " ", len(spans)

    def _request(self, texts: list[str]) -> Array:
        """(n, d) float32, the first `dimension` numbers of each vector."""
        with self._probing:
            if not self._is_probed:
                vectors = self._api.embed([*texts, PROBE])
                _check_probe(self._spec, vectors[-1])
                self._is_probed = True
                return vectors[:-1, : self.dimension]
        return self._api.embed(texts)[:, : self.dimension]


class _EmbeddingsApi:
    """Requests to the server, and its responses, validated."""

    def __init__(self, spec: ModelSpec) -> None:
        self._client = JsonClient(spec.base_url or "", "/embeddings", spec.api_key_env)
        self._model = spec.name
        self._dimension = len(_probe_vector(spec)) if spec.probe else None
        self._use_base64 = True

    def embed(self, texts: list[str]) -> Array:
        """(n, full dimension) float32, finite, in the order of `texts`. Raises ModelError."""
        content: dict[str, Any] = {"model": self._model, "input": texts}
        if not self._use_base64:
            return self._parse_vectors(self._client.post(content), len(texts))
        try:
            response = self._client.post({**content, "encoding_format": "base64"})
        except RefusedError as error:
            if error.status not in _BASE64_REFUSED:
                raise
            response = self._client.post(
                content
            )  # raises again if it was refused for another reason
            self._use_base64 = False
        return self._parse_vectors(response, len(texts))

    def _parse_vectors(self, response: dict[str, Any], count: int) -> Array:
        url = self._client.url
        try:
            rows = {int(row.get("index", i)): row for i, row in enumerate(response["data"])}
            vectors = [_parse_vector(rows[i]["embedding"]) for i in range(count)]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{url} did not return a list of {count} embeddings ({error!r}); is it an "
                f"OpenAI-compatible server, and is {self._model} an embedding model?"
            ) from error
        sizes = {len(vector) for vector in vectors}
        expected = self._dimension or min(sizes)
        if len(rows) != count or sizes != {expected} or not expected:
            raise ModelError(
                f"{url} returned {len(rows)} vectors of {sorted(sizes)} numbers for {count} texts; "
                f"expected {expected} numbers each. Has its model changed?"
            )
        stacked = np.stack(vectors)
        if not np.isfinite(stacked).all():
            raise ModelError(f"{url} returned vectors with numbers that are not finite (NaN)")
        return stacked


def _parse_vector(embedding: object) -> Array:
    """(d,) float32, from little-endian float32 in base64 or from a list."""
    if isinstance(embedding, str):
        try:
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        except binascii.Error as error:
            raise ValueError("the embedding is not valid base64") from error
    vector = np.asarray(embedding, dtype=np.float32)
    if vector.ndim != 1:
        raise ValueError(f"the embedding has {vector.ndim} axes")
    return vector


def _load_tokenizer(spec: ModelSpec) -> tuple[str, ModelTokenizer | None]:
    """The digest of the tokenizer that the spec names, and the tokenizer. Without one the rule of
    the estimate takes the digest's place."""
    if spec.tokenizer is None:
        return estimate.RULE, None
    path = resolve_model.resolve(spec.tokenizer).path / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"no tokenizer at {path}; name a model's folder that has one")
    window = spec.window or DEFAULT_SERVER_WINDOW
    return digests.file_digest(path), ModelTokenizer(path, window)


def _probe_vector(spec: ModelSpec) -> Array:
    """(full dimension,) float32, unit length."""
    if spec.probe is None:
        raise ValueError("the spec has no probe yet: see probe_server()")
    return np.frombuffer(base64.b64decode(spec.probe), dtype="<f2").astype(np.float32)


def _check_probe(spec: ModelSpec, vector: Array) -> None:
    """Raise ModelError if the server's vector of the probe is not the stored one."""
    probe = _probe_vector(spec)
    cosine = 0.0
    if len(vector) == len(probe):
        cosine = float(pooling.normalize_rows(vector[None])[0] @ probe)
    if cosine < MIN_PROBE_COSINE:
        raise ModelError(
            f"{spec.base_url} has another model under the name {spec.name}: its vector of the same "
            f"text has {len(vector)} numbers and cosine {cosine:.3f} with the stored one. To read "
            "and embed everything again with the present model: ragkit index --rebuild"
        )
