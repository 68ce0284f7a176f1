"""The light installation: the main jobs need exactly what requirements/light.txt names.

They run in an environment that contains those packages and no others, so neither torch, nor
transformers, sentence-transformers, scikit-learn or scipy, also not in a child process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench import dependencies
from tests.conftest import REAL_MODEL, REPOSITORY

LINES = [
    Requirement(line)
    for line in dependencies.LIGHT.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
HERE = {
    canonicalize_name(line.name): line
    for line in LINES
    if line.marker is None or line.marker.evaluate()
}
HEAVY = {"torch", "transformers", "sentence-transformers", "scikit-learn", "scipy"}
REMEDY = "run: python -m bench.dependencies light"


def test_each_package_has_one_exact_version_that_of_the_constraints() -> None:
    pins = dependencies.pins()
    for name, line in HERE.items():
        assert str(line.specifier) == f"=={pins[name]}", REMEDY


def test_nothing_heavy_is_in_the_light_installation() -> None:
    assert not HEAVY & set(HERE)


def test_everything_that_ragkit_declares_is_there_and_nothing_contradicts_it() -> None:
    declared = dependencies.declared()
    for part in dependencies.LIGHT_PARTS:
        for requirement in declared[part]:
            name = canonicalize_name(requirement.name)
            if name in dependencies.NOT_LIGHT or (
                requirement.marker is not None and not requirement.marker.evaluate()
            ):
                continue
            assert name in HERE, REMEDY
            version = str(HERE[name].specifier).removeprefix("==")
            assert requirement.specifier.contains(version, prereleases=True), name


def test_what_each_package_needs_is_there_too() -> None:
    missing = {
        (name, needed.name)
        for name in HERE
        for needed in map(Requirement, metadata.requires(name) or ())
        if needed.marker is None or needed.marker.evaluate({"extra": ""})
        if canonicalize_name(needed.name) not in {*HERE, *dependencies.NOT_LIGHT, "pip"}
    }
    assert missing == set(), REMEDY


def test_one_command_installs_it_without_dependencies() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (rule,) = re.findall(r"^\$\(VENV\)/\.light:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    first, second, _ = rule.splitlines()
    assert "--no-deps --requirement requirements/light.txt" in first
    assert "--no-deps --editable ." in second


def link_packages(site_packages: Path) -> None:
    """Put links to the files of the light packages, and to ragkit, into `site_packages`."""
    for name in HERE:
        files = metadata.distribution(name).files or ()
        for top in {file.parts[0] for file in files if ".." not in file.parts}:
            source = Path(str(metadata.distribution(name).locate_file(top)))
            target = site_packages / top
            if target.exists() and source.is_dir():  # parts of one package by several distributions
                for child in source.iterdir():
                    if not (target / child.name).exists():
                        (target / child.name).symlink_to(child)
            elif source.exists() and top != "__pycache__":
                target.symlink_to(source)
    (site_packages / "ragkit").symlink_to(REPOSITORY / "ragkit")


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts ragkit in the light environment."""
    if sys.platform == "win32":
        pytest.skip("links need a privilege on Windows")
    folder = tmp_path_factory.mktemp("light")
    builder = venv.EnvBuilder(symlinks=True)
    builder.create(folder)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    link_packages(site_packages)
    return [str(folder / "bin" / "python"), "-P", "-m", "ragkit"]


def run(command: list[str], cwd: Path) -> tuple[int, str, str]:
    process = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=200
    )
    return process.returncode, process.stdout, process.stderr


def real_model(test):
    """Mark a test that runs the default model."""
    for mark in REAL_MODEL:
        test = mark(test)
    return test


def test_the_environment_of_these_tests_has_nothing_heavy(light, tmp_path) -> None:
    for module in ("torch", "transformers", "sentence_transformers", "sklearn", "scipy"):
        code, _, errors = run([light[0], "-c", f"import {module}"], tmp_path)
        assert code == 1
        assert f"No module named {module!r}" in errors


@real_model
def test_the_main_jobs_run(light, tmp_path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "keys.md").write_text("The signing keys are rotated every ninety days.\n" * 3)
    (notes / "leave.csv").write_text("who,weeks\nparents,26\n")
    ragkit = [*light, "-c", str(tmp_path / "kit")]
    assert run([*ragkit, "index", "notes"], tmp_path)[1].startswith("2 files (2 added)")
    for options in ([], ["--mode", "hybrid"]):
        code, out, errors = run([*ragkit, "query", "how often are keys rotated?", *options], notes)
        assert (code, errors) == (0, "")
        assert "1  0." in out
    code, out, errors = run([*ragkit, "ask", "how often are the signing keys rotated?"], notes)
    assert (code, errors) == (0, "")
    assert "ninety days" in out
    assert run([*ragkit, "doctor"], notes)[0] == 0
    assert run([*ragkit, "models"], notes)[0] == 0

    messages = [
        {"id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {
            "name": "search", "arguments": {"query": "keys"}}},
    ]  # fmt: skip
    lines = "".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
    process = subprocess.run(
        [*ragkit, "mcp"], input=lines, capture_output=True, text=True, check=False, timeout=200
    )
    assert "ninety days" in process.stdout.splitlines()[-1], process.stderr


@real_model
def test_the_command_of_the_container_serves(light, tmp_path) -> None:
    """What the Dockerfile runs: user's files in one folder, all of ragkit's in another."""
    docs, data = tmp_path / "docs", tmp_path / "data"
    docs.mkdir()
    (docs / "keys.md").write_text("The signing keys are rotated every ninety days.\n")
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    environment = dict(re.findall(r"(RAGKIT_\w+)=(/data\S*)", dockerfile))
    assert set(environment) >= {"RAGKIT_COLLECTION", "RAGKIT_CONFIG_DIR", "RAGKIT_CACHE_DIR"}
    (command,) = re.findall(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)
    arguments = [text.replace("/docs", str(docs)) for text in json.loads(command)]
    token = "0123456789abcdef"
    server = subprocess.Popen(
        [*light, *arguments, "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "RAGKIT_TOKEN": token}
        | {name: path.replace("/data", str(data)) for name, path in environment.items()},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = None
        for line in server.stderr:
            if match := re.search(r"http://0\.0\.0\.0:(\d+)", line):
                port = match[1]
                break
        (check,) = re.findall(r"urlopen\('(http://127\.0\.0\.1:)8765([^']*)'", dockerfile)
        with urllib.request.urlopen(f"{check[0]}{port}{check[1]}", timeout=60) as response:
            assert response.status == 200
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/search?query=keys",
            headers={"authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert "ninety days" in response.read().decode()
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert server.returncode == 0
    assert (data / "collection" / "ragkit.db").is_file()


def write_model(folder: Path, model_type: str) -> None:
    """The files of a model that only sentence-transformers computes; its weights are not read."""
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"model_type": model_type, "hidden_size": 8, "max_position_embeddings": 64})
    )
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
                "post_processor": None, "decoder": None,
                "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
            }
        )
    )  # fmt: skip
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")


def test_what_needs_torch_says_so_and_how_to_get_it(light, tmp_path) -> None:
    write_model(tmp_path / "other", "gpt2")
    (tmp_path / "pairs.tsv").write_text("sentence1\tsentence2\tscore\na\tb\t1\nc\td\t0\n" * 20)
    install = "pip install sentence-transformers"
    code, _, errors = run([*light, "embed", "a text", "--model", "other"], tmp_path)
    assert code == 3, errors
    assert "(architecture gpt2" in errors
    assert install in errors
    code, _, errors = run([*light, "train", "pairs.tsv", "-o", "new"], tmp_path)
    assert code == 3
    assert "training needs torch, sentence_transformers" in errors
    assert 'pip install "ragkit-search[train]"' in errors
    code, _, errors = run(
        [light[0], "-c", "from ragkit.encoders import cross_encoder; cross_encoder.load('other')"],
        tmp_path,
    )
    assert "ModelError: the reranker other, which has no ONNX file, needs" in errors
    assert install in errors
