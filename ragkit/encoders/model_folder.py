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
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ragkit.encoders import digests
from ragkit.encoders.bert import safetensors_file
from ragkit.errors import ModelError

# Part of every fingerprint: raise it when ragkit's own computation of vectors changes.
ENCODER_FORMAT = 1
_INT8_FORMAT = 2  # the same for int8 vectors only: they change with the order of summation

Json = dict[str, Any]

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
# Models that number positions from after the padding token have fewer than they declare.
_OFFSET_POSITIONS = {"roberta", "xlm-roberta", "camembert", "mpnet"}
_NO_LIMIT = 8_192
_PICKLED = (
    "the weights exist only as a pickle, which can run code when it is opened; ragkit reads "
    "safetensors. Choose a revision with model.safetensors, or convert it once where you trust "
    "it: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)."
)
_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class ModelFolder:
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
    modules = _modules(folder)
    transformer = folder / modules[0][1]
    config = _json(transformer / "config.json")
    _refuse_code(transformer, config)
    sentence = _json_or_none(transformer / "sentence_bert_config.json")
    pooling_config = next(
        (_json(folder / place / "config.json") for kind, place in modules if kind == "Pooling"), {}
    )
    kinds = tuple(kind for kind, _ in modules)
    pooling = _pooling(pooling_config)
    query_prompt, passage_prompt = _prompts(folder, name)
    max_length = _max_length(transformer, config, sentence)
    lower_case = bool(sentence.get("do_lower_case"))
    parts = {
        "format": ENCODER_FORMAT,
        "weights": [digest(path) for path in _weight_files(folder, modules)],
        "tokenizer": digest(_existing(transformer / "tokenizer.json")),
        "modules": kinds,
        "pooling": [pooling, pooling_config],
        "unit_rows": True,
        "prompts": [query_prompt, passage_prompt],
        "max_length": max_length,
        "lower_case": lower_case,
    }
    return ModelFolder(
        path=folder,
        transformer=transformer,
        config=config,
        pooling=pooling,
        dimension=_dimension(folder, modules, config),
        max_length=max_length,
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
        is_plain=(
            set(kinds) <= {"Transformer", "Pooling", "Normalize"}
            and pooling_config.get("include_prompt", True) is True
            and not lower_case
        ),
        fingerprint=hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
    )


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


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The class name and sub-folder of each module, the transformer first."""
    path = folder / "modules.json"
    if not path.is_file():  # plain transformers: mean pooling, as sentence-transformers does
        return [("Transformer", "")]
    try:
        entries = json.loads(path.read_bytes())
        modules = [(str(entry["type"]), str(entry["path"])) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} lists no modules ({error!r}): fetch the model again.") from error
    for kind, place in modules:
        if not kind.startswith("sentence_transformers."):
            raise ModelError(f"{path} requires {kind}, code of its own: ragkit runs none.")
        if PurePath(place).is_absolute() or ".." in PurePath(place).parts:
            raise ModelError(f"{path} points outside its folder: {place!r}.")
    kinds = [(kind.rpartition(".")[2], place) for kind, place in modules]
    if not kinds or kinds[0][0] != "Transformer":
        raise ModelError(f"{path} starts with {kinds[:1]}; ragkit supports models of text tokens.")
    return kinds


def _refuse_code(transformer: Path, config: Json) -> None:
    settings = (config, _json_or_none(transformer / "tokenizer_config.json"))
    if any(part.get("auto_map") for part in settings):
        raise ModelError(
            f"{transformer} requires Python code of its own (auto_map); ragkit runs none "
            f"(no trust_remote_code). Choose a model that transformers knows."
        )


def _weight_files(folder: Path, modules: Sequence[tuple[str, str]]) -> list[Path]:
    """The safetensors files of all modules, each checked to be complete."""
    files = _transformer_weights(folder / modules[0][1])
    for kind, place in modules[1:]:
        own = folder / place
        if (own / "model.safetensors").is_file() and own != folder / modules[0][1]:
            files.append(own / "model.safetensors")
        elif kind == "Dense" or (own / "pytorch_model.bin").is_file():
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


def _pooling(config: Json) -> str:
    """The pooling mode, or several joined by +, which only sentence-transformers computes."""
    if mode := config.get("pooling_mode"):  # since sentence-transformers 5
        return mode if isinstance(mode, str) else "+".join(mode)
    modes = [mode for key, mode in _POOLING_KEYS.items() if config.get(key)]
    return "+".join(modes) or "mean"


def _dimension(folder: Path, modules: Sequence[tuple[str, str]], config: Json) -> int:
    sizes = [config.get(key) for key in ("hidden_size", "dim", "d_model", "n_embd")]
    for kind, place in modules[1:]:
        if kind == "Pooling":
            own = _json(folder / place / "config.json")
            sizes.insert(0, own.get("embedding_dimension", own.get("word_embedding_dimension")))
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
    if positions := config.get("max_position_embeddings"):
        offset = 2 if config.get("model_type") in _OFFSET_POSITIONS else 0
        lengths.append(positions - offset)
    return int(min(length for length in lengths if length))


def _prompts(folder: Path, name: str) -> tuple[str, str]:
    """The prompts for queries and for passages: the folder's, else those of the model's family.
    Empty prompts, which sentence-transformers writes into every folder, do not count."""
    own = _json_or_none(folder / "config_sentence_transformers.json")
    prompts = own.get("prompts") or {}
    default = prompts.get(own.get("default_prompt_name")) or ""
    query = prompts.get("query") or default
    passage = prompts.get("document") or prompts.get("passage") or default
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
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower().partition(":")[0]
    for pattern, prompts in _FAMILIES:
        if re.fullmatch(pattern, last):
            return prompts
    return "", ""
