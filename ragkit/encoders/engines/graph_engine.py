"""A model that exists as an ONNX graph only, through the graph's own inputs and outputs.

Contract: as the engines of `cpu_engines`. Each text is computed alone, one per core: quantized
graphs scale their activations by all that is in a batch, so a text's vector would depend on the
texts beside it. Raises ModelError for a graph that is no encoder of texts, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import modules, pooling
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.engines.cpu_engines import MAX_TEXTS_AT_ONCE, input_ids
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError

Array = NDArray[np.float32]

_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "position_ids"}
_VECTORS = "sentence_embedding"
_STATES = ("last_hidden_state", "token_embeddings")


class GraphEngine:
    """The graph in `model_folder`."""

    def __init__(self, model_folder: ModelFolder, tokenizer: ModelTokenizer) -> None:
        self._tokenizer = tokenizer
        self._dimension = model_folder.dimension
        self._session = _load(model_folder)
        self._inputs = {value.name for value in self._session.get_inputs()}
        if not {"input_ids"} <= self._inputs <= _INPUTS:
            raise ModelError(
                f"{model_folder.graph} takes {', '.join(sorted(self._inputs))}; expected an "
                f"encoder's input_ids and perhaps {', '.join(sorted(_INPUTS - {'input_ids'}))}"
            )
        self._output, self._is_pooled = self._choose_output(model_folder)
        if not self._is_pooled and model_folder.pooling not in pooling.POOLINGS:
            raise ModelError(
                f"{model_folder.graph} gives a vector for each token, and ragkit does not pool "
                f"by {model_folder.pooling}; expected one of {', '.join(pooling.POOLINGS)}"
            )
        self._pool = pooling.POOLINGS.get(model_folder.pooling, pooling.mean)
        self._after = modules.read(() if self._is_pooled else model_folder.after_pooling or ())

    def _choose_output(self, model_folder: ModelFolder) -> tuple[str, bool]:
        """The output that is used, and whether it has one vector for each text."""
        ranks = {value.name: len(value.shape) for value in self._session.get_outputs()}
        if ranks.get(_VECTORS) == 2:
            return _VECTORS, True
        for name in (*_STATES, *ranks):
            if ranks.get(name) == 3:
                return name, False
        found = ", ".join(f"{name} of {rank} dimensions" for name, rank in ranks.items())
        raise ModelError(
            f"{model_folder.graph} gives {found}; expected a vector for each text "
            f"({_VECTORS}) or for each token ({' or '.join(_STATES)}): it is no encoder"
        )

    def encode(
        self, texts: Sequence[str], prompt: str, starts: Sequence[int] | None = None
    ) -> Array:
        """Return the vectors of texts, as `NumpyEngine.encode`."""
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        for first in range(0, len(texts), MAX_TEXTS_AT_ONCE):
            part = slice(first, first + MAX_TEXTS_AT_ONCE)
            ids, unread = input_ids(self._tokenizer, texts[part], prompt, starts, first)
            if len(ids) == 1:
                vectors[part] = self._encode(ids[0])
            else:
                for index, vector in enumerate(cpu_threads.worker_pool().map(self._encode, ids)):
                    vectors[first + index] = vector
            vectors[part][unread] = 0
        return vectors

    def _encode(self, ids: Sequence[int]) -> Array:
        """(1, d), unit length."""
        count = len(ids)
        values = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, count), dtype=np.int64),
            "token_type_ids": np.zeros((1, count), dtype=np.int64),
            "position_ids": np.arange(count, dtype=np.int64)[None],
        }
        inputs = {name: values[name] for name in self._inputs}
        (output,) = self._session.run([self._output], inputs)
        states = np.asarray(output, dtype=np.float32)
        pooled = states if self._is_pooled else self._pool(states[0], [count])
        vectors = pooling.normalize_rows(self._after(pooled))
        if vectors.shape[1] != self._dimension:
            raise ModelError(
                f"the graph gives vectors of {vectors.shape[1]} numbers; the folder's files say "
                f"{self._dimension}: the two do not belong together"
            )
        return vectors


def _load(model_folder: ModelFolder) -> Any:  # noqa: ANN401 - onnxruntime has no types
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised as well
    try:
        return onnxruntime.InferenceSession(
            str(model_folder.graph), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the bindings have a dozen types without a common base
        raise ModelError(f"cannot run the ONNX model {model_folder.graph}: {error}") from error
