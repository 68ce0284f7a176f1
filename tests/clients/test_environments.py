"""The pins of the clients; `make clients` installs and runs them."""

import json
import re

import pytest

from tests.clients.environments import CLIENTS, read_versions

_PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ;]+( ; .+)?")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_everything_in_an_environment_is_pinned(client):
    versions = read_versions(client)
    assert versions.keys() == set(client.packages)
    assert client.runs_suite or client.program.is_file()
    text = client.pins.read_text()
    assert "://" not in re.sub(r'"url": ".*"', "", text)  # no address of a registry
    if client.kind == "node":
        lock = json.loads(text)["packages"]
        named = json.loads((client.pins.parent / "package.json").read_text())["dependencies"]
        assert {name: lock[f"node_modules/{name}"]["version"] for name in named} == named
        return
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in pins if not _PIN.fullmatch(line)] == []
