"""Addresses, a missing Ray, an address where nothing answers. Starts no Ray: see test_on_ray.py."""

import os
import socket
import sys

import pytest

from ragkit.cluster import session
from ragkit.errors import UnavailableError, UsageError


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("ray", None),
        ("ray://10.0.0.7:6379", "10.0.0.7:6379"),
        ("ray://head.example:6379/", "head.example:6379"),
        ("ray://[::1]:6379", "[::1]:6379"),
        ("ray://auto", "auto"),
    ],
)
def test_the_address_of_a_cluster(target, address):
    assert session.parse_target(target) == address


@pytest.mark.parametrize(
    "target",
    ["", "rays", "ray:", "ray://", "ray://host", "ray://:6379", "ray://host:0", "ray://host:70000",
     "ray://host:port", "http://host:6379", "10.0.0.7:6379"],
)  # fmt: skip
def test_what_is_no_address_is_wrong_usage(target):
    with pytest.raises(UsageError, match="expected ray "):
        session.parse_target(target)


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(UnavailableError, match=r'pip install "ragkit-search\[ray\]"'),
        session.connected("ray"),
    ):
        pass


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_a_ray_of_its_own_has_a_token_that_no_file_keeps(monkeypatch, name):
    for variable in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(variable, "")  # restored at the end
        monkeypatch.delenv(variable)
    session._use_token()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(bytes.fromhex(os.environ.pop("RAY_AUTH_TOKEN"))) == 32
    monkeypatch.setenv(name, "of the user")
    session._use_token()
    assert os.environ.get("RAY_AUTH_TOKEN", "of the user") == "of the user"


def test_an_address_where_nothing_answers_is_named():
    with socket.socket() as free:  # bound, not listening: a connection is refused
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with (
            pytest.raises(UnavailableError, match=f"no Ray cluster answers at {address}"),
            session.connected(f"ray://{address}"),
        ):
            pass
