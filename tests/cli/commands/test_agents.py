"""`ragkit install-agent`: what it prints and writes."""

import json
import sys

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def test_install_names_the_collection_by_its_absolute_path(run, collection_folder, home):
    code, out, err = run("install-agent", "cursor")
    assert code == 0
    assert out.startswith(f"created: {home}/.cursor/mcp.json\n")
    assert "restart Cursor" in err
    entry = json.loads((home / ".cursor" / "mcp.json").read_text())["mcpServers"]["ragkit"]
    assert entry["command"] == sys.executable
    assert entry["args"] == ["-m", "ragkit", "-c", str(collection_folder), "mcp"]
    listed = {row["agent"]: row["installed"] for row in
              json.loads(run("install-agent", "--json")[1])}  # fmt: skip
    assert listed["cursor"]
    assert not listed["zed"]
    assert run("install-agent", "cursor", "--remove")[0] == 0
    assert "ragkit" not in (home / ".cursor" / "mcp.json").read_text()


def test_a_dry_run_prints_and_writes_nothing(run, collection_folder, home):
    out = run("install-agent", "zed", "--dry-run")[1]
    assert '+    "ragkit": {' in out
    assert "would be created" in out
    assert list(home.iterdir()) == []


def test_a_collection_that_does_not_exist_and_wrong_names_are_refused(run, tmp_path):
    code, _, err = run("-c", str(tmp_path / "none"), "install-agent", "zed")
    assert (code, "no collection at" in err) == (2, True)
    assert run("install-agent", "emacs")[0] == 2
    assert run("install-agent", "zed", "--name", "a b")[0] == 2
    assert "has no entry 'ragkit'" in run("install-agent", "zed", "--remove")[2]
