"""Edits of configuration files by their text: everything else stays, byte for byte."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit import UsageError
from ragkit.agents.config_text import (
    parse_json,
    remove_json_entry,
    remove_toml_entry,
    set_json_entry,
    set_toml_entry,
)

ENTRY = {"command": "/usr/bin/python3", "args": ["-m", "ragkit", "mcp"]}

JSONC = """\
// my settings
{
    "theme": "dark", // with a "quote" and a // in it
    /* servers */
    "mcpServers": {
        "other": { "command": "x", "url": "http://a//b" }, // trailing
    },
    "last": [1, 2,],
}
"""


def test_an_entry_is_added_and_all_other_text_stays():
    new = set_json_entry(JSONC, "mcpServers", "ragkit", ENTRY)
    added = [line for line in new.splitlines() if line not in JSONC.splitlines()]
    assert [line for line in JSONC.splitlines() if line not in new.splitlines()] == []
    assert added[0] == '        "ragkit": {'
    assert parse_json(new)["mcpServers"]["ragkit"] == ENTRY
    assert remove_json_entry(new, "mcpServers", "ragkit") == JSONC


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{}\n",
        '{"a": 1}',
        '{\n  "a": 1\n}\n',
        '{"mcpServers": {}}',
        '{"mcpServers": {"x": {"command": "y"}}}',
        '{\n\t"mcpServers": {\n\t\t"x": {}\n\t}\n}',
        '{\r\n  "a": 1\r\n}\r\n',
        '\ufeff{\n  "a": 1\n}\n',
        '{\n  "a": 1 // last\n}\n',
        '{\n  "a": 1, // last\n}\n',
        '{"a": "}{\\"", "mcpServers": {/* none */}}',
    ],
)
def test_entries_are_added_replaced_and_removed(text):
    before = parse_json(text)
    added = set_json_entry(text, "mcpServers", "ragkit", ENTRY)
    assert parse_json(added)["mcpServers"]["ragkit"] == ENTRY
    other = {"command": "z"}
    replaced = set_json_entry(added, "mcpServers", "ragkit", other)
    assert parse_json(replaced)["mcpServers"]["ragkit"] == other
    after = parse_json(remove_json_entry(replaced, "mcpServers", "ragkit"))
    assert after.pop("mcpServers", {}) == before.pop("mcpServers", {})
    assert after == before


@pytest.mark.parametrize("text", ["", "  \n", "// only a comment\n"])
def test_an_empty_file_becomes_an_object(text):
    assert json.loads(set_json_entry(text, "mcp", "ragkit", ENTRY)) == {"mcp": {"ragkit": ENTRY}}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    st.sampled_from([None, 2, "\t"]),
)
def test_any_json_keeps_its_other_values(root, servers, indent):
    value = {**root, "mcpServers": servers}
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    added = set_json_entry(text, "mcpServers", "ragkit", ENTRY)
    assert parse_json(added) == {**value, "mcpServers": {**servers, "ragkit": ENTRY}}
    removed = parse_json(remove_json_entry(added, "mcpServers", "ragkit"))
    servers.pop("ragkit", None)
    assert removed == {**value, "mcpServers": servers}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"mcpServers": 7}', "its 'mcpServers' is int"),
    ],
)
def test_files_of_another_form_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        set_json_entry(text, "mcpServers", "ragkit", ENTRY)


TOML = """\
# my settings
model = "gpt" # best

[mcp_servers.other]
command = "x"
args = [
  "[not a table]",
]

[tui]
theme = "dark"
"""


@pytest.mark.parametrize("text", ["", TOML, "a = 1", '[mcp_servers]\n"x".command = "y"\n'])
def test_toml_tables_are_added_replaced_and_removed(text):
    added = set_toml_entry(text, "mcp_servers", "ragkit", ENTRY)
    assert added.startswith(text)
    assert tomllib.loads(added)["mcp_servers"]["ragkit"] == ENTRY
    replaced = set_toml_entry(added, "mcp_servers", "ragkit", {"command": "z"})
    assert tomllib.loads(replaced)["mcp_servers"]["ragkit"] == {"command": "z"}
    removed = remove_toml_entry(replaced, "mcp_servers", "ragkit")
    assert removed.rstrip("\n") == text.rstrip("\n")


def test_tables_of_the_entry_are_removed_with_it():
    text = '[mcp_servers.ragkit]\ncommand = "x"\n\n[mcp_servers.ragkit.env]\nA = "1"\n\n[tui]\n'
    assert remove_toml_entry(text, "mcp_servers", "ragkit") == "[tui]\n"


def test_toml_that_cannot_be_edited_line_by_line_is_refused():
    text = 'mcp_servers = { ragkit = { command = "x" } }\n'
    with pytest.raises(UsageError, match="edit it by hand"):
        remove_toml_entry(text, "mcp_servers", "ragkit")
    with pytest.raises(UsageError, match="not valid TOML"):
        set_toml_entry("a = ", "mcp_servers", "ragkit", ENTRY)
