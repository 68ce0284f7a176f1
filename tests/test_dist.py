"""The distributions: built as `make dist` does, installed in a fresh environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import ragkit
from tests.conftest import REPOSITORY

pytest.importorskip("hatchling", reason="building needs hatchling")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A folder with the source distribution, and the wheel built from the same tree."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=REPOSITORY, check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    return folder


def source_files() -> set[str]:
    return {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "ragkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_contains_the_package_the_manual_page_and_nothing_else(dist):
    (wheel,) = dist.glob("*.whl")
    assert wheel.name == f"ragkit_search-{ragkit.__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    assert source_files() <= names
    others = {name.split("/")[0] for name in names} - {"ragkit"}
    assert others == {
        f"ragkit_search-{ragkit.__version__}.dist-info",
        f"ragkit_search-{ragkit.__version__}.data",
    }


def test_the_source_distribution_contains_what_building_and_testing_need(dist):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    needed = {
        "pyproject.toml", "hatch_build.py", "constraints.txt", "requirements/light.txt", "Makefile",
        "Dockerfile", "compose.yaml", "README.md", "CHANGELOG.md", "LICENSE", "tests/conftest.py",
        "data/SOURCES.md", "docs/commands.md",
    }  # fmt: skip
    assert needed | source_files() <= names


def test_the_wheel_works_in_a_fresh_environment(dist, tmp_path):
    """The dependencies are those of this environment, so that nothing is fetched."""
    (wheel,) = dist.glob("*.whl")
    environment = tmp_path / "fresh"
    venv.EnvBuilder(with_pip=False).create(environment)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet",
         "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)],
        check=True, timeout=200,
    )  # fmt: skip
    (site_packages,) = environment.rglob("site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import ragkit, sys; print(ragkit.__file__); sys.exit()"
    place = subprocess.run(
        [scripts / "python", "-P", "-c", code],
        check=True, capture_output=True, text=True, env=environ,
    )  # fmt: skip
    assert Path(place.stdout.strip()).is_relative_to(site_packages)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Keys.\n")

    def run(*arguments):
        return subprocess.run(
            [scripts / "ragkit", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100, env=environ,
        ).stdout  # fmt: skip

    assert run("--version").startswith(f"ragkit {ragkit.__version__} (schema ")
    assert json.loads(run("init", "--json"))["created"]
    assert run("index", "notes", "--dry-run").startswith("would be: 1 added")
    page = environment / "share" / "man" / "man1" / "ragkit.1"
    assert "\\fBragkit query\\fR" in page.read_text(encoding="utf-8")


def test_the_version_is_stated_in_one_place():
    """Other files name it only in the past, or by a test's comparison."""
    pyproject = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
    assert 'path = "ragkit/version.py"' in pyproject
    statement = re.compile(rf"version\W+[\"']?{re.escape(ragkit.__version__)}\b", re.IGNORECASE)
    stating = {
        path.relative_to(REPOSITORY).as_posix()
        for path in [*REPOSITORY.glob("*"), *(REPOSITORY / "ragkit").rglob("*")]
        if path.suffix in (".py", ".toml", ".cfg", ".json") and path.is_file()
        and statement.search(path.read_text(encoding="utf-8"))
    }  # fmt: skip
    assert stating <= {"ragkit/version.py", "server.json"}
    if (server := REPOSITORY / "server.json").exists():  # its schema wants a version
        assert json.loads(server.read_text(encoding="utf-8"))["version"] == ragkit.__version__


def test_the_changelog_says_how_to_upgrade():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    assert "### Upgrading" in latest
    assert "pip uninstall ragkit" in latest
