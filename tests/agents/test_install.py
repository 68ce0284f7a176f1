"""Install and remove, on files in a home folder of the test."""

import json

import pytest

from ragkit import UnavailableError, UsageError
from ragkit.agents import install
from ragkit.agents.clients import CLIENTS

COMMAND = ["/usr/bin/python3", "-m", "ragkit", "-c", "/notes/.ragkit", "mcp"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    for variable in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "COPILOT_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def run(name, **options):
    changes = install.plan_install(CLIENTS[name], "ragkit", COMMAND, **options)
    install.apply(changes)
    return [change.action for change in changes]


def remove(name, **options):
    changes = install.plan_removal(CLIENTS[name], "ragkit", **options)
    install.apply(changes)
    return [change.action for change in changes]


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(install.BACKUP_SUFFIX)
    }


@pytest.mark.parametrize("name", CLIENTS)
def test_installing_twice_changes_nothing_and_removing_undoes_it(name, home):
    client = CLIENTS[name]
    config = client.config()
    config.parent.mkdir(parents=True, exist_ok=True)
    own = 'model = "x"\n' if client.is_toml else '{\n  // mine\n  "a": 1,\n}\n'
    config.write_text(own)
    before = files(home)
    count = 2 if client.skills else 1
    assert run(name) == ["changed", "created"][:count]
    assert (config.parent / (config.name + install.BACKUP_SUFFIX)).read_text() == own
    after = files(home)
    assert run(name) == ["unchanged"] * count
    assert files(home) == after
    assert remove(name) == ["changed", "deleted"][:count]
    if client.is_toml:
        assert files(home) == before
    else:  # the empty table stays
        assert config.read_text().startswith(own[:-4])
    assert remove(name) == []


def test_a_new_file_has_only_the_entry(home):
    assert run("cursor") == ["created", "created"]
    written = json.loads((home / ".cursor" / "mcp.json").read_text())
    assert written == {"mcpServers": {"ragkit": {"command": COMMAND[0], "args": COMMAND[1:]}}}
    skill = (home / ".cursor" / "skills" / "ragkit" / "SKILL.md").read_text()
    assert skill.startswith("---\nname: ragkit\ndescription: ")


def test_a_foreign_entry_or_skill_is_only_replaced_by_force(home):
    config = home / ".cursor" / "mcp.json"
    config.parent.mkdir()
    foreign = '{"mcpServers": {"ragkit": {"command": "npx", "args": ["ragkit-other"]}}}'
    config.write_text(foreign)
    for action in (run, remove):
        with pytest.raises(UsageError, match=r"mcp\.json: .*--force"):
            action("cursor")
    assert config.read_text() == foreign
    skill = home / ".cursor" / "skills" / "ragkit" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        run("cursor")
    assert run("cursor", force=True) == ["changed", "changed"]
    assert remove("cursor") == ["changed", "deleted"]


def test_an_older_entry_of_ragkit_is_updated(home):
    run("zed")
    changes = install.plan_install(CLIENTS["zed"], "ragkit", ["/other/python", *COMMAND[1:]])
    assert [change.action for change in changes] == ["changed"]


def test_the_skill_stays_while_another_entry_needs_it(home):
    run("cursor")
    install.apply(install.plan_install(CLIENTS["cursor"], "papers", COMMAND))
    assert remove("cursor") == ["changed"]
    assert (home / ".cursor" / "skills" / "ragkit" / "SKILL.md").exists()


def test_a_link_to_the_file_stays_a_link_and_modes_stay(home):
    real = home / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o600)
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").symlink_to(real)
    run("cursor")
    assert (home / ".cursor" / "mcp.json").is_symlink()
    assert "ragkit" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


def test_files_that_cannot_be_edited_or_written_are_reported(home, make_read_only):
    config = home / ".cursor" / "mcp.json"
    config.parent.mkdir()
    config.write_bytes(b"\xff\xfe{}")
    with pytest.raises(UsageError, match="is not UTF-8"):
        run("cursor")
    config.write_text("{")
    with pytest.raises(UsageError, match="nothing was changed"):
        run("cursor")
    config.write_text("{}")
    with make_read_only(config.parent), pytest.raises(UnavailableError, match="cannot write"):
        run("cursor")
    assert config.read_text() == "{}"


def test_unknown_agents_are_named():
    with pytest.raises(UsageError, match="did you mean claude-code"):
        install.find_client("claude-cod")


def test_a_dry_run_shows_a_diff(home):
    config, skill = install.plan_install(CLIENTS["cursor"], "ragkit", COMMAND)
    assert '+    "ragkit": {' in config.diff()
    assert skill.action == "created"
    assert not config.path.exists()
