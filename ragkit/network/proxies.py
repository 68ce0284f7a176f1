"""The proxy that the environment, or the system's settings, name for an address.

Knows no requests, and no proxy that is not spoken to over plain http.
"""

from __future__ import annotations

import urllib.request
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit

from ragkit.errors import ModelError


def named(scheme: str, netloc: str) -> SplitResult | None:
    """The proxy for an address of this scheme, or None. Raises ModelError: not an http proxy."""
    if urllib.request.proxy_bypass(netloc):
        return None
    address = urllib.request.getproxies().get(scheme)
    if not address:
        return None
    proxy = urlsplit(address if "//" in address else f"http://{address}")
    if proxy.scheme != "http":
        raise ModelError(f"the environment names a proxy by {proxy.scheme}; only http is spoken")
    return proxy


def login(proxy: SplitResult) -> dict[str, str]:
    """The headers that name its user, if it has one."""
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
