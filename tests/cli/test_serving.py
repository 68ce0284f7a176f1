"""`ragkit mcp`: what it refuses to start."""

import socket

import pytest

from ragkit.cli import main
from ragkit.cli.serving import listening, token_for
from ragkit.errors import UsageError


@pytest.fixture
def said(collection, capsys):
    """Runs `ragkit mcp` with these arguments, which must not serve; gives what it said."""
    pytest.importorskip("mcp", reason='needs pip install "ragkit[mcp]"')
    assert collection.status().passages == 0

    def run(*arguments, code=2):
        assert main(["-c", str(collection.folder), "mcp", *arguments]) == code
        out, error = capsys.readouterr()
        assert out == ""
        return error

    return run


def test_an_address_others_reach_needs_a_token(said, monkeypatch):
    monkeypatch.delenv("KB_TOKEN", raising=False)
    assert "name the environment variable" in said("--http", "--host", "0.0.0.0")
    assert "KB_TOKEN holds 0 characters" in said(
        "--http", "--host", "::", "--token-env", "KB_TOKEN"
    )
    monkeypatch.setenv("KB_TOKEN", "short")
    assert "KB_TOKEN holds 5 characters" in said("--http", "--token-env", "KB_TOKEN")


def test_the_token_is_never_said(said, monkeypatch):
    monkeypatch.setenv("KB_TOKEN", "short-secret")
    assert "short-secret" not in said("--http", "--token-env", "KB_TOKEN")
    monkeypatch.setenv("KB_TOKEN", "x" * 16)
    assert token_for("0.0.0.0", "KB_TOKEN") == "x" * 16
    assert token_for("127.0.0.1", None) is None


@pytest.mark.parametrize("option", ["--host", "--port", "--token-env", "--allow-host"])
def test_options_of_http_are_refused_without_it(said, option):
    assert f"{option} is of --http" in said(option, "1")


def test_a_port_that_is_taken_or_none_is_said(said):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"cannot listen at 127.0.0.1 port {port}" in said("--http", "--port", port)
    assert "--port is 70000" in said("--http", "--port", "70000")
    with pytest.raises(UsageError, match="cannot listen at no host"):
        listening("no host", 0)


def test_a_collection_that_is_not_there_is_said(tmp_path, capsys):
    pytest.importorskip("mcp", reason='needs pip install "ragkit[mcp]"')
    assert main(["-c", str(tmp_path / "none"), "mcp"]) == 3
    assert "no collection at" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(collection, capsys, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("ragkit.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    assert main(["-c", str(collection.folder), "mcp"]) == 3
    assert 'pip install "ragkit[mcp]"' in capsys.readouterr().err
