"""Declarative shadow roots: what `<template shadowrootmode>` contains is visible text of a page.

HTML parsers for documents without scripts keep the content of templates out of the tree, so the
element is renamed before parsing. Works on the markup; other templates stay.
"""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"<(/?)template\b([^<>]{0,2000})>", re.IGNORECASE)
_MODE = re.compile(r"\sshadowrootmode\s{0,9}=\s{0,9}[\"']?(?:open|closed)\b", re.IGNORECASE)
_ELEMENT = "ragkit-shadow"


def expand_shadow_roots(markup: str) -> str:
    """Return the markup with each declarative shadow root as an element of its own."""
    pieces: list[str] = []
    is_root: list[bool] = []  # of the open templates
    end = 0
    for match in _TEMPLATE.finditer(markup):
        if match[1]:
            root = is_root.pop() if is_root else False
        else:
            root = _MODE.search(match[2]) is not None
            is_root.append(root)
        if root:
            pieces += (markup[end : match.start()], f"<{match[1]}{_ELEMENT}>")
            end = match.end()
    return "".join([*pieces, markup[end:]])
