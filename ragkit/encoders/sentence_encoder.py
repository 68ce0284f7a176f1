"""`SentenceEncoder`: a local model that implements the protocol `ragkit.encoders.Encoder`.

Contract: strings in, unit rows out; safe to share between threads; nothing heavy is loaded before
it is needed. Adds the model's prompts, and selects the engine that computes a call by one table
(`EngineSelector`); its thresholds come from measurements: bench/RESULTS.md, "Bulk encoding". Knows
neither how models are found nor user files, documents or databases.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from ragkit.encoders import model_card, pooling
from ragkit.encoders.engines import cpu_engines, cpu_threads
from ragkit.encoders.engines.cpu_engines import NumpyEngine, OnnxEngine
from ragkit.encoders.model_folder import ModelFolder, variant_fingerprint
from ragkit.encoders.pooling import LAST_LAYER
from ragkit.encoders.tokenization import class_tokenizer
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError, UsageError
from ragkit.log import log_warning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders.engines.graph_engine import GraphEngine
    from ragkit.encoders.engines.torch_engine import TorchEngine
    from ragkit.encoders.inspection.explanation import TextExplanation
    from ragkit.encoders.inspection.hidden_states import BertInspector, HiddenStates, WordVector

Array: TypeAlias = "NDArray[np.float32]"
Engine: TypeAlias = "NumpyEngine | OnnxEngine | GraphEngine | TorchEngine"
EngineName: TypeAlias = Literal["numpy", "onnx_query", "onnx_bulk", "graph", "torch", "torch_gpu"]
"""`onnx_query` computes one batch with all cores, `onnx_bulk` one batch per core; `graph` is the
model's own ONNX graph; `torch_gpu` is `torch` where it has a GPU."""

# ONNX Runtime takes a third of a second to load, in which NumPy encodes this many tokens.
# sentence-transformers takes 6 to 7 s, so a GPU saves time only beyond this many tokens.
MIN_ONNX_TOKENS = 4_000
MIN_GPU_TOKENS = 40_000
# Queries in one call from which the bulk engine is used. A process that has the query session
# already, such as a server, uses it for larger groups: a second session takes 160 MB.
MIN_BULK_QUERIES = 32
MIN_BULK_QUERIES_WITH_SESSION = 256
# Queries of one process after which more are expected and the query session is loaded.
QUERIES_BEFORE_SESSION = 2

_CHARACTERS_PER_TOKEN = 4  # an estimate that costs nothing


class SentenceEncoder:
    """The model in `model_folder`, under the name that the user gave it.

    `precision` is that of passages, fp32 or int8; queries are always encoded in fp32.
    `dimensions` keeps the first numbers of each vector and scales it to unit length again; by
    default as many as the model's folder says. Models trained for it lose little (Kusupati et al.
    2022, Matryoshka Representation Learning, https://arxiv.org/abs/2205.13147). Raises ModelError
    if the model has fewer dimensions, or if no engine computes it in `precision`.
    """

    def __init__(
        self,
        name: str,
        model_folder: ModelFolder,
        precision: str = "fp32",
        dimensions: int | None = None,
    ) -> None:
        if precision not in cpu_engines.supported_precisions(model_folder):
            raise ModelError(
                f"no engine computes {name} in {precision}: that takes an architecture that ragkit "
                f"computes (docs/models.md), with cls, mean or max pooling, in one "
                f"model.safetensors; this one is "
                f"{model_folder.config.get('model_type')!r} with {model_folder.pooling} pooling"
                f"{'' if model_folder.is_plain else ' and modules of its own'}. "
                "Use --precision fp32"
            )
        if dimensions is not None and dimensions > model_folder.dimension:
            raise ModelError(
                f"{name} makes vectors of {model_folder.dimension} numbers; "
                f"--dimensions is {dimensions}"
            )
        dimensions = dimensions or model_folder.truncate_dim
        truncated_dimension = None if dimensions == model_folder.dimension else dimensions
        self.name = name
        self.precision = precision
        self.fingerprint = variant_fingerprint(
            model_folder.fingerprint, precision, truncated_dimension
        )
        self.dimension = dimensions or model_folder.dimension
        self.model_folder = model_folder
        self._selector = EngineSelector(
            precision,
            numpy_supported=NumpyEngine.supports(model_folder),
            is_graph=model_folder.graph is not None,
            is_static=model_folder.static is not None,
        )
        self._engines: dict[EngineName, Engine | None] = {}
        """The engines loaded so far; None for one that does not compute this model correctly."""
        self._torch_queries: TorchEngine | None = None
        self._has_compared_tokenizers = False
        self._loading = threading.RLock()

    @cached_property
    def window(self) -> int:
        """Maximum tokens of a text, without special tokens and the longer of the two prompts."""
        prompts = (self.model_folder.query_prompt, self.model_folder.passage_prompt)
        room = min(self.tokenizer.max_text_tokens(prompt) for prompt in prompts)
        if room < 1:
            raise ModelError(
                f"{self.name} reads {self.model_folder.max_length} tokens at once, and its prompts "
                f"leave no room for text: {prompts}."
            )
        return room

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The language codes that the model's card names; empty if it names none."""
        return model_card.languages(self.model_folder.path / "README.md")

    @cached_property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer."""
        folder = self.model_folder
        return ModelTokenizer(
            folder.transformer / "tokenizer.json",
            folder.max_length,
            adds_special=folder.static is None,
            drops_unknown=folder.drops_unknown,
        )

    @cached_property
    def _query_tokenizer(self) -> ModelTokenizer:
        """The tokenizer of queries, which a model with two sides may have."""
        folder = self.model_folder.query_folder
        if folder is None:
            return self.tokenizer
        return ModelTokenizer(folder / "tokenizer.json", self.model_folder.max_length)

    def _for_queries(self, engine: Engine) -> Engine:
        """The engine for queries: that of torch may have modules of its own for them."""
        if "torch" not in self._engines:
            return engine
        from ragkit.encoders.engines.torch_engine import TorchEngine

        if not isinstance(engine, TorchEngine):
            return engine
        with self._loading:
            if self._torch_queries is None:
                self._torch_queries = engine.for_queries(self._query_tokenizer)
            return self._torch_queries

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Return the character offsets `[start, end)` of the tokens of `text`: (n, 2) int64, in
        order, without special tokens, not truncated."""
        return self.tokenizer.token_spans(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens and prompt, not
        truncated."""
        return self.tokenizer.count_tokens(texts)

    def count_truncated_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return for each text the number of tokens that `embed` does not read; 0 if it reads
        all."""
        room = self.tokenizer.max_text_tokens("")
        return [max(0, count - room) for count in self.tokenizer.count_tokens(texts)]

    def encode_queries(self, texts: Sequence[str]) -> Array:
        """Return the vectors of queries: (n, d) float32, unit rows. The model's query prompt is
        added. A text that the vocabulary mostly does not know gets a row of zeros.

        NumPy encodes the first query of a process if it supports the model: no other engine has to
        be imported first.
        """
        if not texts:
            return self._no_vectors()
        if self._selector.is_bulk(len(texts), self._loaded()):
            engine = self._bulk_engine(texts)
        else:
            engine = self._query_engine()
        engine = self._for_queries(engine)
        starts = [0] * len(texts)
        return self._truncate(engine.encode(texts, self.model_folder.query_prompt, starts))

    def encode_passages(self, texts: Sequence[str]) -> Array:
        """Return the vectors of passages: (n, d) float32, unit rows; adds the passage prompt. A
        text that the vocabulary mostly does not know gets a row of zeros."""
        return self.encode_passages_with_headers(texts, [0] * len(texts))

    def encode_passages_with_headers(self, texts: Sequence[str], starts: Sequence[int]) -> Array:
        """Return the vectors of passages as `encode_passages`. `starts` is the number of characters
        of the header at the beginning of each text, which does not count as a part of it that can
        be read."""
        if not texts:
            return self._no_vectors()
        engine = self._bulk_engine(texts)
        return self._truncate(engine.encode(texts, self.model_folder.passage_prompt, starts))

    def find_unreadable(
        self, texts: Sequence[str], starts: Sequence[int] | None = None
    ) -> list[int]:
        """Return the positions of the texts that the vocabulary mostly does not know. `embed`
        returns a vector of them all the same, which says nothing about them. `starts` is as in
        `encode_passages_with_headers`; None: the texts have no headers."""
        if not texts:
            return []
        prompt = self.model_folder.passage_prompt
        return self.tokenizer.checked_ids(texts, prompt, starts or [0] * len(texts))[1]

    def embed(
        self, texts: Sequence[str], pooling: str | None = None, layers: str | None = None
    ) -> Array:
        """Return the vectors of texts, without a prompt: (n, d) float32, unit rows.

        - `pooling`: cls, mean or max. Default: as the model was trained.
        - `layers`: which layers are averaged: `last` (default), `-2`, `mean(-4:)`, …; 0 is the
          embeddings.

        Raises UsageError for an unknown pooling or layer, and if `texts` is a string; ModelError if
        the layers of the model cannot be read.
        """
        if isinstance(texts, str):
            raise UsageError("embed takes a list of texts; for a single one: embed([text])[0]")
        if pooling is not None or layers is not None:
            pooling_mode = pooling or self.model_folder.pooling
            return self._truncate(self._inspector.embed(texts, pooling_mode, layers or LAST_LAYER))
        if not texts:
            return self._no_vectors()
        return self._truncate(self._bulk_engine(texts).encode(texts, ""))

    def embed_words(
        self, text: str, word: str, pooling: str = "mean", layers: str = LAST_LAYER
    ) -> list[WordVector]:
        """Return one unit vector for each occurrence of `word` in `text`, pooled over its tokens.

        `pooling` is mean or max; `layers` is as in `embed`. If the word occurs in the same case,
        only those occurrences count; else those in another case; else those inside longer words.
        Raises UsageError if it does not occur or only beyond the window; ModelError as `embed`.
        """
        words = self._inspector.embed_words(text, word, pooling, layers)
        if self.dimension == self.model_folder.dimension:
            return words
        return [replace(word, vector=self._truncate(word.vector[None])[0]) for word in words]

    def hidden_states(self, text: str) -> HiddenStates:
        """Return the tokens of `text` with the vectors of every layer and the attention maps.

        The vectors are (layers + 1, n, d) float32, the maps (layers, heads, n, n) float32. Raises
        ModelError as `embed`.
        """
        return self._inspector.hidden_states(text)

    def explain(self, text: str, word: str | None = None, neighbors: int = 5) -> TextExplanation:
        """Return how the model reads `text`: attention rollout, nearest words, poolings.

        - `word`: only the neighbors of this word, at each place where it occurs. Default: those of
          the ten words with the largest share in the vector of the text.
        - `neighbors`: how many words of the vocabulary are returned for each.

        Without a prompt. Raises UsageError if the word does not occur or only beyond the window;
        ModelError as `embed`.
        """
        from ragkit.encoders.inspection.explanation import explain

        pooling_mode = self.model_folder.pooling
        return explain(self._inspector, self.name, pooling_mode, text, word, neighbors)

    @cached_property
    def _inspector(self) -> BertInspector:
        from ragkit.encoders.inspection.hidden_states import BertInspector

        return BertInspector(self.name, self.model_folder, self.tokenizer)

    def _no_vectors(self) -> Array:
        return np.empty((0, self.dimension), dtype=np.float32)

    def _truncate(self, vectors: Array) -> Array:
        """The first `dimension` numbers of each vector, unit rows again."""
        if self.dimension == self.model_folder.dimension:
            return vectors
        return pooling.normalize_rows(vectors[:, : self.dimension])

    def _query_engine(self) -> Engine:
        """The engine for a few queries. The second query of a process starts loading ONNX Runtime
        in the background: it encodes a short text in half NumPy's time on most processors."""
        selector = self._selector
        if selector.has_query_session and selector.count_query() == QUERIES_BEFORE_SESSION:
            threading.Thread(target=self._load_query_session, name="ragkit-onnx").start()
        return self._first_available(selector.query_engines(self._loaded()))

    def _bulk_engine(self, texts: Sequence[str]) -> Engine:
        """The engine for these texts as a bulk call."""
        self._compare_tokenizers()
        tokens = sum(map(len, texts)) // _CHARACTERS_PER_TOKEN
        self._selector.count_tokens(tokens)
        has_gpu = cpu_threads.has_gpu_driver()
        return self._first_available(
            self._selector.bulk_engines(tokens, self._loaded(), has_gpu=has_gpu)
        )

    def _compare_tokenizers(self) -> None:
        """Warn if other programs may tokenize differently: not for a query, which it would slow."""
        if not self._has_compared_tokenizers:
            self._has_compared_tokenizers = True
            warning = class_tokenizer.find_disagreement(self.model_folder.transformer)
            if warning is not None:
                _warn_once(f"{self.name}: {warning}")

    def _loaded(self) -> set[EngineName]:
        return {name for name, engine in self._engines.copy().items() if engine is not None}

    def _first_available(self, names: Iterable[EngineName]) -> Engine:
        for name in names:
            if (engine := self._load(name)) is not None:
                return engine
        raise ModelError(
            f"{self.name} cannot be encoded in {self.precision} here: ONNX Runtime, which int8 "
            "needs, does not compute it correctly. Use --precision fp32"
        )

    def _load(self, name: EngineName) -> Engine | None:
        """The engine of this name, loaded on first use; None if it is not available."""
        if name == "torch_gpu":
            return self._load_torch_for_gpu()
        if name in self._engines:
            return self._engines[name]
        with self._loading:  # seconds and gigabytes: only once
            if name not in self._engines:
                self._engines[name] = self._create(name)
            return self._engines[name]

    def _load_torch_for_gpu(self) -> Engine | None:
        """The torch engine, if it computes on a GPU; None also where torch is not installed, which
        is reported once."""
        from ragkit.encoders.engines import torch_engine

        if "torch" not in self._engines and not torch_engine.is_installed():
            log_warning(
                "there may be a GPU, but torch is not installed: passages are encoded on the CPU. "
                "To use the GPU: pip install sentence-transformers"
            )
            self._engines["torch"] = None
        engine = self._load("torch")
        is_on_gpu = isinstance(engine, torch_engine.TorchEngine) and engine.device != "cpu"
        return engine if is_on_gpu else None

    def _create(self, name: EngineName) -> Engine | None:
        if name == "torch":
            from ragkit.encoders.engines.torch_engine import TorchEngine  # not for most models

            return TorchEngine(self.model_folder, self.tokenizer)
        if name == "graph":
            from ragkit.encoders.engines.graph_engine import GraphEngine  # not for most models

            return GraphEngine(self.model_folder, self.tokenizer)
        if name == "numpy":
            return NumpyEngine(self.model_folder, self.tokenizer)
        reference = self._load("numpy")
        assert isinstance(reference, NumpyEngine)  # noqa: S101 - the table has no other row
        threads = 1 if name == "onnx_bulk" else cpu_threads.available_cores()
        try:
            return OnnxEngine(reference, self.precision, threads)
        except ModelError as error:
            log_warning(f"{error}; continuing with NumPy, which is slower")
            return None

    def _load_query_session(self) -> None:
        # RuntimeError: the program ends, and no thread can be started any more.
        with contextlib.suppress(RuntimeError):
            self._load("onnx_query")


@cache
def _warn_once(message: str) -> None:
    """Log a warning, once in a process."""
    log_warning(message)


class _Rule(NamedTuple):
    """One row of the table: the engine is a candidate where all conditions hold."""

    engine: EngineName
    workload: Literal["query", "bulk"]
    precision: Literal["fp32", "int8"] = "fp32"
    numpy_supported: bool = True
    """Whether the NumPy engine supports the model."""
    is_graph: bool = False
    """Whether the model is an ONNX graph only."""
    min_total_tokens: int = 0
    """Tokens of all bulk calls of this encoder, this one included."""
    max_call_tokens: int | None = None
    """Only for calls of fewer tokens than this."""
    only_loaded: bool = False
    """Only where the engine is loaded already."""
    needs_gpu: bool = False


# In order of preference. A model that NumPy does not support has one engine and only fp32.
_TABLE = (
    _Rule("graph", "query", numpy_supported=False, is_graph=True),
    _Rule("graph", "bulk", numpy_supported=False, is_graph=True),
    _Rule("torch", "query", numpy_supported=False),
    _Rule("onnx_query", "query", only_loaded=True),
    _Rule("numpy", "query"),
    _Rule("numpy", "query", "int8"),  # int8 rounds, and queries are never rounded
    _Rule("torch", "bulk", numpy_supported=False),
    _Rule("onnx_bulk", "bulk", "int8"),
    _Rule("torch_gpu", "bulk", min_total_tokens=MIN_GPU_TOKENS, needs_gpu=True),
    _Rule("onnx_bulk", "bulk", max_call_tokens=MIN_ONNX_TOKENS, only_loaded=True),
    _Rule("onnx_query", "bulk", max_call_tokens=MIN_ONNX_TOKENS, only_loaded=True),
    _Rule("onnx_bulk", "bulk", min_total_tokens=MIN_ONNX_TOKENS),
    _Rule("numpy", "bulk"),
)


class EngineSelector:
    """The engines for each call to one model. Safe to share between threads."""

    def __init__(
        self,
        precision: str,
        *,
        numpy_supported: bool,
        is_graph: bool = False,
        is_static: bool = False,
    ) -> None:
        """`is_static`: a static model, which NumPy alone computes."""
        self._rules = [
            rule
            for rule in _TABLE
            if (rule.precision, rule.numpy_supported, rule.is_graph)
            == (precision if numpy_supported else "fp32", numpy_supported, is_graph)
            and (rule.engine == "numpy" or not is_static)
        ]
        self._precision = precision
        self._total_tokens = 0
        self._queries = 0
        self._counting = threading.Lock()

    def count_tokens(self, tokens: int) -> None:
        """Add the tokens of a bulk call to the total."""
        with self._counting:
            self._total_tokens += tokens

    def count_query(self) -> int:
        """Add one call of a few queries; the number of such calls so far."""
        with self._counting:
            self._queries += 1
            return self._queries

    @property
    def has_query_session(self) -> bool:
        """Whether the table names `onnx_query` for queries to this model."""
        return any(rule.engine == "onnx_query" for rule in self._rules)

    def is_bulk(self, queries: int, loaded: Collection[EngineName]) -> bool:
        """Whether a call of this many queries is a bulk call."""
        if self._precision != "fp32":
            return False
        limit = MIN_BULK_QUERIES_WITH_SESSION if "onnx_query" in loaded else MIN_BULK_QUERIES
        return queries >= limit

    def query_engines(self, loaded: Collection[EngineName]) -> Iterator[EngineName]:
        """The engines for a few queries, the preferred one first."""
        return self._matching("query", 0, loaded, has_gpu=False)

    def bulk_engines(
        self, tokens: int, loaded: Collection[EngineName], *, has_gpu: bool
    ) -> Iterator[EngineName]:
        """The engines for a bulk call of this many tokens, the preferred one first. `loaded` names
        the engines in memory; `has_gpu` says that the machine has a GPU's driver."""
        return self._matching("bulk", tokens, loaded, has_gpu=has_gpu)

    def _matching(
        self, workload: str, tokens: int, loaded: Collection[EngineName], *, has_gpu: bool
    ) -> Iterator[EngineName]:
        for rule in self._rules:
            if (
                rule.workload == workload
                and self._total_tokens >= rule.min_total_tokens
                and (rule.max_call_tokens is None or tokens < rule.max_call_tokens)
                and (not rule.only_loaded or rule.engine in loaded)
                and (not rule.needs_gpu or has_gpu)
            ):
                yield rule.engine
