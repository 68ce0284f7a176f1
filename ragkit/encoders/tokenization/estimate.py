"""Tokens of a text where the model's own tokenizer is out of reach: an estimate on the safe side.

Contract: the shape of `tokens.ModelTokenizer`, as far as cutting needs it. A token is up to four ASCII
letters, up to two digits, or any other single character that is no white space. Tokenizers of
today join more than that: on prose in English this counts 1.2 to 1.5 times what WordPiece makes,
on source code 0.9 to 1.2 times, and one for each character of other scripts, which is the most
that WordPiece makes. So passages come out a little shorter than they could be, and are not cut
off. Knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RULE = "approximate 1"  # part of fingerprints: raise it when the rule below changes
_TOKEN = re.compile(r"[A-Za-z]{1,4}|[0-9]{1,2}|[^\sA-Za-z0-9]")


def spans(text: str) -> NDArray[np.int64]:
    """(n, 2) int64: character offsets `[start, end)` of the tokens of `text`, in order."""
    found = [match.span() for match in _TOKEN.finditer(text)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def count(texts: Sequence[str]) -> list[int]:
    """Tokens of each text."""
    return [sum(1 for _ in _TOKEN.finditer(text)) for text in texts]
