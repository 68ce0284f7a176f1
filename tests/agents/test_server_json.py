"""`server.json`: the fields and rules of the MCP registry, schema of 2025-12-11."""

import json
import re

from ragkit.version import __version__
from tests.conftest import REPOSITORY

SERVER = json.loads((REPOSITORY / "server.json").read_text())


def test_required_fields_and_their_limits():
    assert SERVER["$schema"].endswith("/schemas/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", SERVER["name"])
    assert 3 <= len(SERVER["name"]) <= 200
    assert 1 <= len(SERVER["description"]) <= 100
    assert 1 <= len(SERVER["title"]) <= 100


def test_the_package_is_ours_in_this_version():
    assert SERVER["version"] == __version__
    (package,) = SERVER["packages"]
    assert (package["registryType"], package["identifier"]) == ("pypi", "ragkit-search")
    assert package["version"] == __version__
    assert package["transport"] == {"type": "stdio"}
    for argument in package["runtimeArguments"] + package["packageArguments"]:
        assert argument["type"] in ("named", "positional")
        assert argument["value"]


def test_the_readme_has_the_mark_by_which_the_registry_knows_the_owner():
    readme = (REPOSITORY / "README.md").read_text()
    assert f"<!-- mcp-name: {SERVER['name']} -->" in readme


def test_the_namespace_claims_nobody_elses_name():
    """`io.github.NAME` would be that GitHub account's; example.com is reserved (RFC 2606)."""
    namespace, _, name = SERVER["name"].partition("/")
    assert (namespace, name) == ("com.example", SERVER["packages"][0]["identifier"])
