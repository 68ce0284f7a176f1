"""Where each agent's configuration is, and the form of an entry, as the agents document them."""

import pytest

from ragkit.agents.clients import CLIENTS

COMMAND = ["/usr/bin/python3", "-m", "ragkit", "mcp"]
PLAIN = {"command": "/usr/bin/python3", "args": ["-m", "ragkit", "mcp"]}


@pytest.mark.parametrize(
    ("name", "path", "table", "entry"),
    [
        ("claude-code", ".claude.json", "mcpServers", {"type": "stdio", **PLAIN}),
        ("claude-desktop", ".config/Claude/claude_desktop_config.json", "mcpServers", PLAIN),
        ("codex", ".codex/config.toml", "mcp_servers", PLAIN),
        ("copilot", ".copilot/mcp-config.json", "mcpServers",
         {"type": "local", **PLAIN, "tools": ["*"]}),
        ("cursor", ".cursor/mcp.json", "mcpServers", PLAIN),
        ("gemini-cli", ".gemini/settings.json", "mcpServers", PLAIN),
        ("opencode", ".config/opencode/opencode.json", "mcp",
         {"type": "local", "command": COMMAND, "enabled": True}),
        ("vscode", ".config/Code/User/mcp.json", "servers", {"type": "stdio", **PLAIN}),
        ("windsurf", ".codeium/windsurf/mcp_config.json", "mcpServers", PLAIN),
        ("zed", ".config/zed/settings.json", "context_servers", {**PLAIN, "env": {}}),
    ],
)  # fmt: skip
def test_files_and_entries_on_linux(name, path, table, entry, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    for variable in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "COPILOT_HOME"):
        monkeypatch.delenv(variable, raising=False)
    client = CLIENTS[name]
    assert client.config() == tmp_path / path
    assert (client.table, client.entry(COMMAND)) == (table, entry)
    assert client.is_toml == (name == "codex")


def test_every_agent_is_in_this_table():
    assert len(CLIENTS) == 10
    assert [name for name, client in CLIENTS.items() if client.name != name] == []


def test_other_platforms_and_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    assert CLIENTS["codex"].config() == tmp_path / "codex" / "config.toml"
    monkeypatch.setattr("sys.platform", "darwin")
    support = tmp_path / "Library" / "Application Support"
    assert CLIENTS["vscode"].config() == support / "Code" / "User" / "mcp.json"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    assert CLIENTS["zed"].config() == tmp_path / "Roaming" / "Zed" / "settings.json"
