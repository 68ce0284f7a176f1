"""Addresses of servers, as users name them: checked, and whether they are this machine.

Knows no connection.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from ragkit.errors import ModelError

_EXPECTED = "expected http(s)://HOST[:PORT]/PATH, as in http://localhost:11434/v1"


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine itself."""
    host = split(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(base_url: str) -> SplitResult:
    """The address in parts. Raises ModelError for one that cannot be used, without repeating a
    password in it."""
    try:
        parts = urlsplit(base_url.strip().rstrip("/"))
        _ = parts.port
    except ValueError as error:
        raise ModelError(f"base_url is no address ({error}); {_EXPECTED}") from error
    if parts.username or parts.password:
        raise ModelError(
            "base_url holds a user's name or password; keep a key in an environment variable "
            "and name the variable in api_key_env"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"base_url is {base_url!r}; {_EXPECTED}")
    if parts.query or parts.fragment or not re.fullmatch("[!-~]+", base_url.strip()):
        raise ModelError(f"base_url is {base_url!r}, with more than an address; {_EXPECTED}")
    return parts
