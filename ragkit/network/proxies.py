"""The HTTP proxy that the environment or the system settings name for an address.

Supports proxies that are spoken to over plain http. Sends no requests.
"""

from __future__ import annotations

import urllib.request
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit

from ragkit.errors import ModelError


def find_proxy(scheme: str, netloc: str) -> SplitResult | None:
    """Return the proxy for `scheme`://`netloc`, or None.

    Raises ModelError where the environment names a proxy of another kind, such as SOCKS.
    """
    if urllib.request.proxy_bypass(netloc):
        return None
    address = urllib.request.getproxies().get(scheme)
    if not address:
        return None
    proxy = urlsplit(address if "//" in address else f"http://{address}")
    if proxy.scheme != "http":
        raise ModelError(f"the environment names a {proxy.scheme} proxy; expected an http proxy")
    return proxy


def authorization_headers(proxy: SplitResult) -> dict[str, str]:
    """Return the headers that authenticate at the proxy: none where its address has no user."""
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
