"""Addresses as users write them."""

from __future__ import annotations

import pytest

from ragkit.errors import ModelError
from ragkit.network.addresses import is_loopback, parse_base_url

KEY = "sk-very-secret-0123"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:8080/v1", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:80/v1", True),
        ("http://api.localhost", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://0.0.0.0", False),
        ("https://192.168.1.5", False),
    ],
)
def test_only_localhost_and_loopback_addresses_are_this_machine(
    address: str, expected: bool
) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080", "ftp://x/v1", "http://", "http://x:port/v1", "http://x/v1?a=1", "",
        "http://x/v1#a", "file:///etc/passwd", "http://x/a b", "http://x\r\nHost: y/", "http://é/",
    ],
)  # fmt: skip
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(ModelError, match="base_url is"):
        parse_base_url(address)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ModelError, match="user's name or password") as error:
        parse_base_url(f"https://me:{KEY}@host/v1")
    assert KEY not in str(error.value)


def test_the_parts_of_an_address_are_returned() -> None:
    parts = parse_base_url(" https://models.example:8443/v1/ ")
    assert (parts.scheme, parts.hostname, parts.port, parts.path) == (
        "https", "models.example", 8443, "/v1",
    )  # fmt: skip


def test_a_message_names_the_setting_by_the_name_the_user_knows() -> None:
    with pytest.raises(ModelError, match="--server is 'x'"):
        parse_base_url("x", "--server", "--token-env")
