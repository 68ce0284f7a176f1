"""Addresses of servers, as users write them: validation, and whether one is this machine.

Opens no connection.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from ragkit.errors import ModelError

_EXPECTED = "expected http(s)://HOST[:PORT]/PATH, as in http://localhost:11434/v1"


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine: localhost or a loopback IP address."""
    host = parse_base_url(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_base_url(
    base_url: str, setting: str = "base_url", key_setting: str = "api_key_env"
) -> SplitResult:
    """Return the parts of a server's address.

    `setting` and `key_setting` are the names by which the user gave the address and its key; error
    messages use them. Raises ModelError for anything but an http(s) address without credentials,
    query and fragment. A password in the address is not repeated in the message.
    """
    try:
        parts = urlsplit(base_url.strip().rstrip("/"))
        _ = parts.port
    except ValueError as error:
        raise ModelError(f"{setting} is not a valid address ({error}); {_EXPECTED}") from error
    if parts.username or parts.password:
        raise ModelError(
            f"{setting} contains a user's name or password; keep a key in an environment variable "
            f"and name the variable in {key_setting}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{setting} is {base_url!r}; {_EXPECTED}")
    if parts.query or parts.fragment or not re.fullmatch("[!-~]+", base_url.strip()):
        raise ModelError(f"{setting} is {base_url!r}, which is more than an address; {_EXPECTED}")
    return parts
