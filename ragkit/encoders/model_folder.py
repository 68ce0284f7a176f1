"""Read a model folder: architecture, pooling, prompts, maximum length, fingerprint.

Contract: `read` parses the folder of a sentence-transformers (or plain transformers) model into a
frozen `ModelFolder`, or raises a `ModelError` that says what is missing, damaged or unsafe. Reads
JSON and accepts only safetensors weights: no pickle, no code from the folder. Knows no encoder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple, TypeVar

from ragkit.encoders import digests
from ragkit.encoders import modules as module_functions
from ragkit.encoders.bert import safetensors_file
from ragkit.errors import ModelError

# Part of every fingerprint: raise it when ragkit's own computation of vectors changes.
ENCODER_FORMAT = 1
_INT8_FORMAT = 3  # the same for int8 vectors only: they change with how numbers are rounded

Json = dict[str, Any]
T = TypeVar("T")

# Model families whose model cards require prompts that their folders do not contain.
# Wang et al. 2022, https://arxiv.org/abs/2212.03533 (E5: asymmetric, both sides)
# Xiao et al. 2023, https://arxiv.org/abs/2309.07597 (BGE: queries only)
# Nussbaum et al. 2024, https://arxiv.org/abs/2402.01613 (Nomic: both sides)
_FAMILIES = (
    (r"(multilingual-)?e5-(small|base|large)(-v2|-unsupervised)?", ("query: ", "passage: ")),
    (
        r"bge-(small|base|large)-en(-v1(\.5)?)?",
        ("Represent this sentence for searching relevant passages: ", ""),
    ),
    (r"nomic-embed-text(-v1(\.5)?)?", ("search_query: ", "search_document: ")),
)
# Families whose pooling is not the mean, for folders that do not say: plain exports to ONNX.
_FAMILY_POOLINGS = (
    (r"(bge-(small|base|large)-(en|zh)|bge-m3|snowflake-arctic-embed|gte-modernbert).*", "cls"),
)
# Models that number positions from after the padding token have fewer than they declare.
_OFFSET_POSITIONS = {
    "roberta", "xlm-roberta", "camembert", "mpnet", "xmod", "xlm-roberta-xl",
    "roberta-prelayernorm", "data2vec-text", "ibert", "lilt", "luke", "longformer",
}  # fmt: skip
ONNX_FILES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx",
              "model_optimized.onnx", "onnx/model_optimized.onnx", "onnx/model_int8.onnx",
              "onnx/model_fp16.onnx")  # fmt: skip
"""Where exports put a model's graph, the preferred one first."""
_EXPORT = re.compile(r"(-onnx)?(-q|-int8|-fp16|-quantized)?$")  # behind a model's name
_STATIC_LENGTH = 512  # tokens that model2vec reads
# What files of other kinds of models say, and what a user can do with such a model.
_OTHER_KINDS = {
    "SparseEncoder": (
        "a SparseEncoder, a sparse encoder (SPLADE), which gives weights to words. ragkit's "
        "keyword search has its own (BM25): ragkit query --mode hybrid. Name a model that "
        "makes one vector per text"
    ),
    "CrossEncoder": (
        "a CrossEncoder, a cross-encoder, which compares a query with a passage and makes no "
        "vectors. Use it to rerank: ragkit query --rerank, with reranker = {folder!r} in the "
        "settings"
    ),
    "MultiVectorEncoder": (
        "a MultiVectorEncoder, a multi-vector model (ColBERT), which makes a vector for each "
        "token; a collection stores one for each passage. Name a model that makes one "
        "vector per text"
    ),
}
_SLOW_TOKENIZERS = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model",
                    "vocab.txt", "vocab.json")  # fmt: skip
_NO_LIMIT = 8_192
_PICKLED = (
    "the weights exist only as a pickle, which can run code when it is opened; ragkit reads "
    "safetensors. Choose a revision with model.safetensors, or convert it once where you trust "
    "it: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)."
)
_ROUTER_CONFIG = "router_config.json"
_HALVES = {"F16", "BF16"}
_PLAIN = (
    ("Transformer",),
    ("Transformer", "Pooling"),
    ("Transformer", "Pooling", "Normalize"),
    ("Transformer", "Normalize"),
)
_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


class ModelFolder(NamedTuple):
    """A parsed model folder: how the model turns a text into a vector."""

    path: Path
    transformer: Path
    """The folder of the transformer itself: `path`, or one inside it."""
    config: Json
    """The transformer's config.json."""
    pooling: str
    """cls, mean or max, or another mode that only sentence-transformers computes."""
    dimension: int
    max_length: int
    """Tokens that the model reads at once, special tokens and prompt included."""
    query_prompt: str
    passage_prompt: str
    is_plain: bool
    """Whether the model consists of a transformer, pooling and perhaps normalization only."""
    fingerprint: str
    """Hex SHA-256 of everything that determines a vector, the same for all engines."""
    truncate_dim: int | None = None
    """The number of dimensions that the folder keeps of each vector; None: all `dimension`."""
    query_folder: Path | None = None
    """The folder of the tokenizer for queries if the model has another transformer for them, else
    None."""
    after_pooling: tuple[tuple[str, Path], ...] | None = None
    """The modules after pooling, each with its kind and folder, where ragkit computes all of them;
    else None."""
    static: Path | None = None
    """The file with the table of a static model, else None."""
    graph: Path | None = None
    """The ONNX graph of a model whose weights are in no other form, else None."""
    drops_unknown: bool = False
    """Whether tokens that the vocabulary does not know are left out, as model2vec does."""


def read(
    folder: Path, name: str, digest: Callable[[Path], str] = digests.file_digest
) -> ModelFolder:
    """Parse the model folder `folder`. `name`, as the user gave it, selects the prompts of known
    families. `digest` hashes a file; a caller that needs no fingerprint passes a cheap one, since
    hashing gigabytes of weights takes seconds. Raises ModelError."""
    try:
        return _read(folder, name, digest)
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError) as error:
        raise ModelError(
            f"{folder}: a configuration file has a value of the wrong type ({error!r}): fetch "
            f"the model again."
        ) from error
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error}") from error


def _read(folder: Path, name: str, digest: Callable[[Path], str]) -> ModelFolder:
    saved = _json_or_none(folder / "config_sentence_transformers.json")
    if (kind_of_model := saved.get("model_type", "SentenceTransformer")) != "SentenceTransformer":
        _refuse_kind(folder, str(kind_of_model))
    listed = list_modules(folder)
    modules = _side(folder, listed, "document")
    queries = _side(folder, listed, "query")
    transformer = folder / modules[0][1]
    kinds = tuple(kind for kind, _ in listed)
    if _is_static(folder, kinds):
        return _read_static(folder, transformer, modules, saved, name, digest)
    if modules[0][0] != "Transformer":
        raise ModelError(
            f"{folder} starts with {modules[0][0]}; ragkit supports models of text tokens."
        )
    config = _json(transformer / "config.json")
    _refuse_heads(folder, config, kinds, name)
    for kind, place in _expanded(folder, listed):
        if kind == "Transformer":
            _refuse_code(folder / place, _json(folder / place / "config.json"))
    graph = _find_graph(transformer)
    sentence = _json_or_none(transformer / "sentence_bert_config.json")
    pooling_config = next(
        (_json(folder / place / "config.json") for kind, place in modules if kind == "Pooling"), {}
    )
    pooling = pooling_mode(pooling_config)
    if graph is not None and "Pooling" not in kinds:
        pooling = _family(name, _FAMILY_POOLINGS, pooling)
    query_prompt, passage_prompt = _prompts(saved, name)
    max_length = _max_length(transformer, config, sentence)
    lower_case = bool(sentence.get("do_lower_case"))
    weights = _weight_files(folder, _expanded(folder, listed)) if graph is None else _parts(graph)
    parts = {
        "format": ENCODER_FORMAT,
        "weights": [digest(path) for path in weights],
        "tokenizer": digest(_tokenizer_file(transformer)),
        "modules": kinds,
        "pooling": [pooling, pooling_config],
        "unit_rows": True,
        "prompts": [query_prompt, passage_prompt],
        "max_length": max_length,
        "lower_case": lower_case,
    }
    if "Router" in kinds:
        parts["sides"] = [
            [str(path.relative_to(folder)), digest(path)] for path in _side_files(folder, listed)
        ]
    if graph is None and config.get("model_type") != "bert" and _is_half(weights):
        parts["computed_in"] = "F32"  # earlier versions computed these in half precision
    dimension = _dimension(folder, modules)
    if queries != modules and (other := _dimension(folder, queries)) != dimension:
        raise ModelError(
            f"{folder} makes vectors of {other} numbers for queries and of {dimension} for "
            "passages, which cannot be compared."
        )
    is_simple = (
        _is_plain_transformer(sentence)
        and pooling_config.get("include_prompt", True) is True
        and not lower_case
    )
    return ModelFolder(
        path=folder,
        transformer=transformer,
        config=config,
        pooling=pooling,
        dimension=dimension,
        max_length=max_length,
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
        is_plain=kinds in _PLAIN and is_simple and graph is None,
        fingerprint=hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        truncate_dim=_truncate_dim(saved, dimension),
        query_folder=None if queries[0] == modules[0] else folder / queries[0][1],
        after_pooling=_after_pooling(folder, listed) if is_simple else None,
        graph=graph,
    )


def _is_static(folder: Path, kinds: Sequence[str]) -> bool:
    """Whether the model is a table of vectors: model2vec's, or the library's own module."""
    config = folder / "config.json"
    return kinds[0] == "StaticEmbedding" or (
        kinds == ("Transformer",) and _json_or_none(config).get("model_type") == "model2vec"
    )


def _read_static(
    folder: Path,
    transformer: Path,
    modules: Sequence[tuple[str, str]],
    saved: Json,
    name: str,
    digest: Callable[[Path], str],
) -> ModelFolder:
    """A static model: a table of vectors, and modules behind it."""
    config = _json_or_none(folder / "config.json")
    is_model2vec = config.get("model_type") == "model2vec"
    table = transformer / "model.safetensors"
    if not table.is_file() and (transformer / "pytorch_model.bin").is_file():
        raise ModelError(f"{transformer}: {_PICKLED}")
    entries, _ = safetensors_file.read_header(_existing(table))
    shapes = [entries[key]["shape"] for key in ("embedding.weight", "embeddings") if key in entries]
    if not shapes:
        raise ModelError(f"{table} has no table of vectors; it has {', '.join(entries)}.")
    behind = tuple((kind, folder / place) for kind, place in modules[1:])
    for kind, place in behind:
        if not module_functions.is_supported(kind, place):
            raise ModelError(f"{folder} has the module {kind}, which ragkit does not compute.")
    sizes = [
        _json(place / "config.json")["out_features"] for kind, place in behind if kind == "Dense"
    ]
    dimension = int(sizes[-1] if sizes else shapes[0][1])
    query_prompt, passage_prompt = _prompts(saved, name)
    max_length = _STATIC_LENGTH if is_model2vec else _NO_LIMIT
    files = [table, *(place / "model.safetensors" for kind, place in behind if kind != "Normalize")]
    parts = {
        "format": ENCODER_FORMAT,
        "static": is_model2vec,
        "weights": [digest(path) for path in files],
        "tokenizer": digest(_tokenizer_file(transformer)),
        "modules": [kind for kind, _ in modules],
        "prompts": [query_prompt, passage_prompt],
        "max_length": max_length,
    }
    return ModelFolder(
        path=folder,
        transformer=transformer,
        config=config | {"model_type": "static"},
        pooling="mean",
        dimension=dimension,
        max_length=max_length,
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
        is_plain=False,
        fingerprint=hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        truncate_dim=_truncate_dim(saved, dimension),
        after_pooling=behind,
        static=table,
        drops_unknown=is_model2vec,
    )


def _after_pooling(
    folder: Path, listed: Sequence[tuple[str, str]]
) -> tuple[tuple[str, Path], ...] | None:
    """The modules after pooling if ragkit computes all of them, else None."""
    kinds = [kind for kind, _ in listed]
    if kinds[:2] not in (["Transformer"], ["Transformer", "Pooling"], ["Transformer", "Normalize"]):
        return None
    behind = [(kind, folder / place) for kind, place in listed[1:] if kind != "Pooling"]
    if not all(module_functions.is_supported(kind, place) for kind, place in behind):
        return None
    while behind and behind[-1][0] == "Normalize":  # engines normalize once, at the end
        behind.pop()
    return tuple(behind)


def _refuse_kind(folder: Path, kind: str) -> None:
    """Raise the ModelError for a model of another kind than an encoder, with what would work."""
    what = _OTHER_KINDS.get(
        kind, f"a {kind}; an encoder is a model of the type SentenceTransformer"
    )
    raise ModelError(f"{folder} is {what.format(folder=str(folder))}.")


def _refuse_heads(folder: Path, config: Json, kinds: Sequence[str], name: str) -> None:
    """Raise ModelError for a plain transformers model that was trained to make no vectors."""
    if kinds != ("Transformer",):
        return
    architectures = [str(each) for each in config.get("architectures") or []]
    if any(each.endswith("ForSequenceClassification") for each in architectures):
        _refuse_kind(folder, "CrossEncoder")
    if any("colbert" in each.lower() for each in architectures):
        _refuse_kind(folder, "MultiVectorEncoder")
    if "splade" in re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower() and any(
        each.endswith("ForMaskedLM") for each in architectures
    ):
        _refuse_kind(folder, "SparseEncoder")


def _find_graph(transformer: Path) -> Path | None:
    """The ONNX graph of a folder without safetensors weights; None if it has weights, or no
    graph."""
    if any(transformer.glob("model*.safetensors*")):
        return None
    known = (transformer / file for file in ONNX_FILES)
    if (file := next((path for path in known if path.is_file()), None)) is not None:
        return file
    others = sorted(transformer.glob("*.onnx"))
    return others[0] if len(others) == 1 else None


def _parts(graph: Path) -> list[Path]:
    """The files of a graph: large ones keep their weights beside it."""
    return [graph, *sorted(graph.parent.glob(f"{graph.name}[._]data*"))]


def _is_half(weights: Sequence[Path]) -> bool:
    headers = (safetensors_file.read_header(path)[0] for path in weights)
    return any(entry["dtype"] in _HALVES for header in headers for entry in header.values())


def _tokenizer_file(transformer: Path) -> Path:
    """The tokenizer.json. Raises ModelError, with the remedy where another form is there."""
    path = transformer / "tokenizer.json"
    slow = [name for name in _SLOW_TOKENIZERS if (transformer / name).is_file()]
    if slow and not path.is_file():
        raise ModelError(
            f"{transformer}: tokenizer.json is missing; {slow[0]} is the form of slow tokenizers, "
            "which ragkit does not read. Write it once, where transformers is installed: python -c "
            '"from transformers import AutoTokenizer as T; '
            f'T.from_pretrained({str(transformer)!r}).save_pretrained({str(transformer)!r})"'
        )
    return _existing(path)


def _is_plain_transformer(sentence: Json) -> bool:
    """Whether the module's settings ask for the last hidden states, as all encoders' do."""
    text = (sentence.get("modality_config") or {}).get("text") or {}
    values = (
        sentence.get("transformer_task", "feature-extraction"),
        text.get("method", "forward"),
        text.get("method_output_name", "last_hidden_state"),
        sentence.get("module_output_name", "token_embeddings"),
    )
    return values == ("feature-extraction", "forward", "last_hidden_state", "token_embeddings")


def _truncate_dim(saved: Json, dimension: int) -> int | None:
    """The saved number of dimensions; None if it is not set or keeps all of them."""
    size = saved.get("truncate_dim")
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise TypeError(f"truncate_dim is {size!r}")
    return size if size < dimension else None


def variant_fingerprint(fingerprint: str, precision: str, dimensions: int | None) -> str:
    """Return the fingerprint of the same model's vectors in another precision, or truncated to the
    first `dimensions` numbers."""
    if precision == "fp32" and dimensions is None:
        return fingerprint
    parts = [fingerprint, precision, dimensions]
    if precision == "int8":
        parts.append(_INT8_FORMAT)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(
            f"{path.parent} is not a complete model: {path.name} is missing. A model folder has "
            f"config.json, tokenizer.json and model.safetensors: fetch it again, or write it "
            f"with save_pretrained() of transformers."
        )
    return path


def _json(path: Path) -> Json:
    try:
        content = json.loads(_existing(path).read_bytes())
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON ({error}): fetch the model again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a JSON object: fetch the model again.")
    return content


def _json_or_none(path: Path) -> Json:
    return _json(path) if path.is_file() else {}


def list_modules(folder: Path) -> list[tuple[str, str]]:
    """Return the class name and sub-folder of each module, the transformer first. Raises ModelError
    for modules that ragkit does not run."""
    path = folder / "modules.json"
    if not path.is_file():  # plain transformers: mean pooling, as sentence-transformers does
        return [("Transformer", "")]
    try:
        entries = json.loads(path.read_bytes())
        modules = [(str(entry["type"]), str(entry["path"])) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} lists no modules ({error!r}): fetch the model again.") from error
    if not modules:
        raise ModelError(f"{path} starts with no module; ragkit supports models of text tokens.")
    return [_module(path, kind, place) for kind, place in modules]


def _module(path: Path, kind: str, place: str) -> tuple[str, str]:
    """The class name and sub-folder of a module that the file `path` names."""
    for part, other in (
        ("sparse_encoder", "SparseEncoder"),
        ("cross_encoder", "CrossEncoder"),
        ("multi_vector_encoder", "MultiVectorEncoder"),
        ("pylate", "MultiVectorEncoder"),
    ):
        if part in kind.split("."):
            _refuse_kind(path.parent, other)
    if not kind.startswith("sentence_transformers."):
        raise ModelError(f"{path} requires {kind}, code of its own: ragkit runs none.")
    if PurePath(place).is_absolute() or ".." in PurePath(place).parts:
        raise ModelError(f"{path} points outside its folder: {place!r}.")
    name = kind.rpartition(".")[2]
    return ("Router" if name == "Asym" else name), place


# A router has one chain of modules for queries and one for passages:
# https://sbert.net/docs/package_reference/base/modules.html#router
def _routed(folder: Path, place: str) -> tuple[Json, dict[str, tuple[str, str]]]:
    """The router in the sub-folder `place`: its settings, and its modules by their names."""
    path = folder / place / _ROUTER_CONFIG
    settings = _json(path)
    modules = {
        name: _module(path, str(kind), str(PurePath(place) / name))
        for name, kind in settings["types"].items()
    }
    if any(kind == "Router" for kind, _ in modules.values()):
        raise ModelError(f"{path} has a router inside a router, which ragkit does not support.")
    return settings, modules


def _side(folder: Path, modules: Sequence[tuple[str, str]], task: str) -> list[tuple[str, str]]:
    """The modules that compute the vectors of a task, `query` or `document`, in their order."""
    chain: list[tuple[str, str]] = []
    for kind, place in modules:
        if kind == "Router":
            settings, routed = _routed(folder, place)
            chain += [
                routed[name] for name in settings["structure"][_route(folder, settings, task)]
            ]
        else:
            chain.append((kind, place))
    return chain


def _route(folder: Path, settings: Json, task: str) -> str:
    """The route of a task for text, by the library's rules."""
    mappings = (settings.get("parameters") or {}).get("route_mappings") or {}
    for key in ((task, "text"), (task, None), (None, "text"), (None, None)):
        if str(key) in mappings:
            return str(mappings[str(key)])
    if task in settings["structure"]:
        return task
    raise ModelError(
        f"{folder} has no route for a {task} (it has {', '.join(settings['structure'])}): "
        "ragkit supports routers with the routes query and document."
    )


def _expanded(folder: Path, modules: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """All modules, those of a router in its place."""
    return [
        module
        for kind, place in modules
        for module in (
            sorted(_routed(folder, place)[1].values()) if kind == "Router" else [(kind, place)]
        )
    ]


def _side_files(folder: Path, modules: Sequence[tuple[str, str]]) -> list[Path]:
    """The settings and tokenizers of routers and of their modules."""
    routers = [place for kind, place in modules if kind == "Router"]
    files = [folder / place / _ROUTER_CONFIG for place in routers]
    for place in routers:
        for _, own in sorted(_routed(folder, place)[1].values()):
            files += sorted((folder / own).glob("*.json"))
    return files


def _refuse_code(transformer: Path, config: Json) -> None:
    settings = (config, _json_or_none(transformer / "tokenizer_config.json"))
    if any(part.get("auto_map") for part in settings):
        raise ModelError(
            f"{transformer} requires Python code of its own (auto_map); ragkit runs none "
            f"(no trust_remote_code). Choose a model that transformers knows."
        )


def _weight_files(folder: Path, modules: Sequence[tuple[str, str]]) -> list[Path]:
    """The safetensors files of all modules, each checked to be complete."""
    transformers = [folder / place for kind, place in modules if kind == "Transformer"]
    files: list[Path] = []
    for kind, place in modules:
        own = folder / place
        if kind == "Transformer":
            files += _transformer_weights(own)
        elif (own / "model.safetensors").is_file() and own not in transformers:
            files.append(own / "model.safetensors")
        elif kind in ("Dense", "StaticEmbedding") or (own / "pytorch_model.bin").is_file():
            raise ModelError(f"{own}: {_PICKLED}")
    for path in files:
        safetensors_file.read_header(_existing(path))
    return files


def _transformer_weights(transformer: Path) -> list[Path]:
    path = transformer / "model.safetensors"
    shards = transformer / "model.safetensors.index.json"
    if path.is_file():
        return [path]
    if shards.is_file():
        names = {str(name) for name in _json(shards).get("weight_map", {}).values()}
        return [transformer / PurePath(name).name for name in sorted(names)]
    if any(transformer.glob("*.bin")) or any(transformer.glob("*.pt")):
        raise ModelError(f"{transformer}: {_PICKLED}")
    return [_existing(path)]


def pooling_mode(config: Json) -> str:
    """Return the pooling mode of a module's settings, or several joined by +, which only
    sentence-transformers computes."""
    if mode := config.get("pooling_mode"):  # since sentence-transformers 5
        return mode if isinstance(mode, str) else "+".join(mode)
    modes = [mode for key, mode in _POOLING_KEYS.items() if config.get(key)]
    return "+".join(modes) or "mean"


def _dimension(folder: Path, modules: Sequence[tuple[str, str]]) -> int:
    sizes: list[object] = []
    for kind, place in modules:
        if kind == "Transformer":
            config = _json(folder / place / "config.json")
            sizes += [config.get(key) for key in ("hidden_size", "dim", "d_model", "n_embd")]
        elif kind == "StaticEmbedding":
            entries, _ = safetensors_file.read_header(folder / place / "model.safetensors")
            sizes.insert(0, entries["embedding.weight"]["shape"][1])
        elif kind == "Pooling":
            own = _json(folder / place / "config.json")
            size = own.get("embedding_dimension", own.get("word_embedding_dimension"))
            modes = pooling_mode(own).count("+") + 1  # their vectors are joined
            sizes.insert(0, size * modes if isinstance(size, int) else size)
        elif kind == "Dense":
            sizes.insert(0, _json(folder / place / "config.json").get("out_features"))
    dimension = next((size for size in sizes if isinstance(size, int) and size > 0), None)
    if dimension is None:
        raise ModelError(f"{folder}: config.json has no hidden_size.")
    return dimension


def _max_length(transformer: Path, config: Json, sentence: Json) -> int:
    lengths = [sentence.get("max_seq_length")]
    if lengths[0] is None:
        tokenizer = _json_or_none(transformer / "tokenizer_config.json")
        lengths = [tokenizer.get("model_max_length"), _NO_LIMIT]
    lengths.append(count_positions(config))
    return int(min(length for length in lengths if length))


def count_positions(config: Json) -> int | None:
    """Return the number of tokens that a model has positions for; None if its config names none."""
    positions = config.get("max_position_embeddings")
    if not positions or config.get("model_type") not in _OFFSET_POSITIONS:
        return positions or None
    padding = config.get("pad_token_id")
    return int(positions) - 1 - (padding if isinstance(padding, int) else 1)


def _prompts(saved: Json, name: str) -> tuple[str, str]:
    """The prompts for queries and for passages: the folder's, else those of the model's family.

    An empty prompt in the folder takes precedence over the default prompt. The family's prompts
    apply if both are empty: sentence-transformers writes empty ones into every folder.
    """
    prompts = saved.get("prompts") or {}
    default = prompts.get(saved.get("default_prompt_name"))
    query, passage = (
        next((prompts[key] for key in keys if prompts.get(key) is not None), default) or ""
        for keys in (("query",), ("document", "passage", "corpus"))
    )
    if not isinstance(query, str) or not isinstance(passage, str):
        raise TypeError(f"prompts are {query!r} and {passage!r}")
    if query or passage:
        return query, passage
    return family_prompts(name)


def family_prompts(name: str) -> tuple[str, str]:
    """Return the prompts for queries and for passages that the model cards of the family require,
    else two empty strings.

    `name` may be a path, a repository, or a server's name with a tag: `nomic-embed-text:latest`.
    """
    return _family(name, _FAMILIES, ("", ""))


def _family(name: str, families: Sequence[tuple[str, T]], default: T) -> T:
    """What a table says of a model's family, by the last part of its name."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower().partition(":")[0]
    last = _EXPORT.sub("", last)
    return next((value for pattern, value in families if re.fullmatch(pattern, last)), default)
