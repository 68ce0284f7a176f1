"""`RemoteEncoder`: the model of an OpenAI-compatible server behind the seam `Encoder`.

Contract: as `sentence.SentenceEncoder`: strings in, unit rows out, in the order given, safe to
share between threads. Uses the network only as far as the user has named an address. What the
text is cut to, `dimensions` and the prompts of known families are worked out here, so that any
server that has `POST /embeddings` serves: https://platform.openai.com/docs/api-reference/embeddings

A server may change its model and not say so, and vectors of two models in one collection answer
nonsense. So `probe_server` keeps what the server answers to a fixed text, the *probe*, and the
first request of every process carries that text along: another answer is an error. The
fingerprint covers the probe, not the address: a server may move. Knows no collection.
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
from ragkit.encoders.engines.batching import token_batches
from ragkit.encoders.spec import DEFAULT_SERVER_WINDOW, ModelSpec
from ragkit.encoders.tokenization import estimate
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, clean
from ragkit.errors import ModelError
from ragkit.network.json_client import JsonClient, RefusedError

Array = NDArray[np.float32]

REMOTE_FORMAT = 1
PROBE = "Parents may stay at home for half a year; the signing keys rotate every ninety days."
SAME = 0.999  # cosine; half precision and other processors stay above, another model below
# text-embeddings-inference takes no more than 32 texts as it comes; others take more.
_MAX_TEXTS = 32
_MAX_TOKENS = 8_192
_AT_ONCE = 4  # requests
_SPECIALS = 2  # [CLS] and [SEP], or what the server's model has instead
_REFUSES_BASE64 = {400, 422}


def probe_server(spec: ModelSpec) -> ModelSpec:
    """The spec with its probe; where it has one, the server is held to it. One request."""
    link = _Link(spec)
    vector = link.ask([PROBE])[0]
    if spec.probe is not None:
        _compare(spec, vector)
        return spec
    half = pooling.normalize_rows(vector[None])[0].astype("<f2")
    return dataclasses.replace(spec, probe=base64.b64encode(half.tobytes()).decode())


class RemoteEncoder:
    """The model that an introduced `spec` names."""

    def __init__(self, spec: ModelSpec) -> None:
        known = _probe(spec)
        self.name = spec.name
        self.dimension = spec.dimensions or len(known)
        if self.dimension > len(known):
            raise ModelError(
                f"{self.name} makes vectors of {len(known)} numbers; "
                f"--dimensions {self.dimension} asks for more"
            )
        self._spec = spec
        self._prompts = model_folder.family_prompts(spec.name)
        self._tokens = _tokens(spec)
        size = spec.window or DEFAULT_SERVER_WINDOW
        self.window = size - _SPECIALS - max(self.count_tokens(self._prompts))
        if self.window < 1:
            raise ModelError(f"a window of {size} tokens leaves no room beside {self._prompts}")
        self.fingerprint = self._made_of(size)
        self._link = _Link(spec)
        self._proved = False
        self._proving = threading.Lock()

    def _made_of(self, size: int) -> str:
        parts = {
            "format": REMOTE_FORMAT,
            "model": self._spec.name,
            "probe": self._spec.probe,
            "dimension": self.dimension,
            "window": size,
            "tokenizer": self._tokens[0] if self._tokens else estimate.RULE,
            "prompts": self._prompts,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """(n, 2) int64: character offsets `[start, end)` of the tokens of `text`, by the named
        tokenizer or by estimate."""
        return self._tokens[1].token_spans(text) if self._tokens else estimate.token_spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, prompt not counted."""
        return self._tokens[1].count_tokens(texts) if self._tokens else estimate.count_tokens(texts)

    def encode_queries(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the family's query prompt. Reads the first `window`
        tokens of each text. Raises ModelError: see `endpoint`, or a server with another model."""
        return self._encode(texts, self._prompts[0])

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """(n, d) float32, unit rows, with the family's passage prompt."""
        return self._encode(texts, self._prompts[1])

    def _encode(self, texts: Sequence[str], prompt: str) -> Array:
        fitted = [self._fitted(text) for text in texts]
        jobs = list(
            token_batches(
                [size for _, size in fitted],
                _MAX_TOKENS,
                padded=False,
                in_order=True,
                max_texts=_MAX_TEXTS - 1,  # the probe may go with them
            )
        )
        asked = [[prompt + fitted[i][0] for i in job] for job in jobs]
        if len(jobs) < 2:
            found = [self._ask(job) for job in asked]
        else:
            first = self._ask(asked[0])  # alone: it may be the one that proves the server
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                found = [first, *pool.map(self._ask, asked[1:])]
        vectors = np.concatenate([np.empty((0, self.dimension), np.float32), *found])
        return pooling.normalize_rows(vectors)

    def _fitted(self, text: str) -> tuple[str, int]:
        """What is sent for a text, and its tokens: servers take no empty one, and may refuse one
        that is too long instead of cutting it."""
        text = clean(text)
        spans = self.token_spans(text)
        if len(spans) > self.window:
            text, spans = text[: int(spans[self.window - 1, 1])], spans[: self.window]
        return text if text.strip() else " ", len(spans)

    def _ask(self, texts: list[str]) -> Array:
        """(n, d) float32, the first `dimension` numbers of each vector."""
        with self._proving:
            if not self._proved:
                vectors = self._link.ask([*texts, PROBE])
                _compare(self._spec, vectors[-1])
                self._proved = True
                return vectors[:-1, : self.dimension]
        return self._link.ask(texts)[:, : self.dimension]


class _Link:
    """Requests to the server and what it answers, checked."""

    def __init__(self, spec: ModelSpec) -> None:
        self._client = JsonClient(spec.base_url or "", "/embeddings", spec.api_key_env)
        self._model = spec.name
        self._dimension = len(_probe(spec)) if spec.probe else None
        self._packed = True

    def ask(self, texts: list[str]) -> Array:
        """(n, whole dimension) float32, finite, in the order of `texts`."""
        content: dict[str, Any] = {"model": self._model, "input": texts}
        if not self._packed:
            return self._vectors(self._client.post(content), len(texts))
        try:
            answer = self._client.post({**content, "encoding_format": "base64"})
        except RefusedError as error:
            if error.status not in _REFUSES_BASE64:
                raise
            answer = self._client.post(content)  # or it refuses for another reason
            self._packed = False
        return self._vectors(answer, len(texts))

    def _vectors(self, answer: dict[str, Any], wanted: int) -> Array:
        url = self._client.url
        try:
            rows = {int(row.get("index", i)): row for i, row in enumerate(answer["data"])}
            vectors = [_numbers(rows[i]["embedding"]) for i in range(wanted)]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{url} answers no list of {wanted} embeddings ({error!r}); is it an "
                f"OpenAI-compatible server, and {self._model} a model for embeddings?"
            ) from error
        sizes = {len(vector) for vector in vectors}
        expected = self._dimension or min(sizes)
        if len(rows) != wanted or sizes != {expected} or not expected:
            raise ModelError(
                f"{url} answers {len(rows)} vectors of {sorted(sizes)} numbers to {wanted} texts; "
                f"expected {expected} numbers each. Has its model changed?"
            )
        found = np.stack(vectors)
        if not np.isfinite(found).all():
            raise ModelError(f"{url} answers vectors with numbers that are not finite (NaN)")
        return found


def _numbers(embedding: object) -> Array:
    """(d,) float32, from little-endian float32 in base64 or from a list."""
    if isinstance(embedding, str):
        try:
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        except binascii.Error as error:
            raise ValueError("embedding is no base64") from error
    found = np.asarray(embedding, dtype=np.float32)
    if found.ndim != 1:
        raise ValueError(f"embedding has {found.ndim} axes")
    return found


def _tokens(spec: ModelSpec) -> tuple[str, ModelTokenizer] | None:
    """The tokenizer that the spec names, with its digest."""
    if spec.tokenizer is None:
        return None
    path = resolve_model.resolve(spec.tokenizer).path / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"no tokenizer at {path}; name a model's folder that has one")
    return digests.file_digest(path), ModelTokenizer(path, spec.window or DEFAULT_SERVER_WINDOW)


def _probe(spec: ModelSpec) -> Array:
    """(whole dimension,) float32, unit length."""
    if spec.probe is None:
        raise ValueError("the spec has no probe yet: see introduced()")
    return np.frombuffer(base64.b64decode(spec.probe), dtype="<f2").astype(np.float32)


def _compare(spec: ModelSpec, vector: Array) -> None:
    known = _probe(spec)
    cosine = (
        float(pooling.normalize_rows(vector[None])[0] @ known) if len(vector) == len(known) else 0
    )
    if cosine < SAME:
        raise ModelError(
            f"{spec.base_url} answers with another model under the name {spec.name}: to the same "
            f"text its vector has {len(vector)} numbers and cosine {cosine:.3f} with what it was. "
            "To read and embed everything again with the present one: ragkit index --rebuild"
        )
