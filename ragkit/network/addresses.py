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


def split(base_url: str, called: str = "base_url", key: str = "api_key_env") -> SplitResult:
    """The address in parts. Raises ModelError for one that cannot be used, without repeating a
    password in it. `called` and `key` are what the user has named it and its key by."""
    try:
        parts = urlsplit(base_url.strip().rstrip("/"))
        _ = parts.port
    except ValueError as error:
        raise ModelError(f"{called} is no address ({error}); {_EXPECTED}") from error
    if parts.username or parts.password:
        raise ModelError(
            f"{called} holds a user's name or password; keep a key in an environment variable "
            f"and name the variable in {key}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{called} is {base_url!r}; {_EXPECTED}")
    if parts.query or parts.fragment or not re.fullmatch("[!-~]+", base_url.strip()):
        raise ModelError(f"{called} is {base_url!r}, with more than an address; {_EXPECTED}")
    return parts
