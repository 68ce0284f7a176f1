"""Proxies that the environment names."""

from __future__ import annotations

import pytest

from ragkit.errors import ModelError
from ragkit.network.proxies import authorization_headers, find_proxy


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_each_scheme_has_its_own_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    proxy = find_proxy("https", "models.example")
    assert proxy is not None
    assert (proxy.hostname, proxy.port) == ("proxy.example", 3128)
    assert find_proxy("http", "models.example") is None


def test_no_proxy_exempts_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "models.example")
    assert find_proxy("http", "models.example") is None
    assert find_proxy("http", "other.example") is not None


def test_a_socks_proxy_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ModelError, match="a socks5 proxy; expected an http proxy"):
        find_proxy("http", "models.example")


def test_user_and_password_become_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 7617: base64 of "Aladdin:open sesame", its example.
    monkeypatch.setenv("http_proxy", "http://Aladdin:open%20sesame@proxy.example:3128")
    proxy = find_proxy("http", "models.example")
    assert proxy is not None
    assert authorization_headers(proxy) == {
        "Proxy-Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    }
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    proxy = find_proxy("http", "models.example")
    assert proxy is not None
    assert authorization_headers(proxy) == {}
