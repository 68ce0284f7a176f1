"""Token budgets of results: how many items, or how much text, fit.

Tokens are estimated (`encoders/tokenization/estimate`), because the model that reads the result is
not known: a little too many for English prose, about right for source code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ragkit.encoders.tokenization.estimate import count_tokens
from ragkit.errors import UsageError

MIN_TOKENS, MAX_TOKENS = 100, 200_000
Item = TypeVar("Item")


def check_budget(max_tokens: int | None) -> None:
    """Raise UsageError for a budget out of range; None is no limit."""
    if max_tokens is not None and not MIN_TOKENS <= max_tokens <= MAX_TOKENS:
        raise UsageError(
            f"max_tokens is {max_tokens:,}; expected {MIN_TOKENS:,} to {MAX_TOKENS:,} tokens"
        )


def take(
    items: Sequence[Item], max_tokens: int | None, render: Callable[[Item], str]
) -> Sequence[Item]:
    """Return the first items whose rendered texts fit together; at least one, so that a caller who
    continues after it comes to an end."""
    if max_tokens is None:
        return items
    used = 0
    for position, item in enumerate(items):
        used += count_tokens([render(item)])[0]
        if used > max_tokens and position:
            return items[:position]
    return items


def fitting_length(text: str, max_tokens: int | None) -> int:
    """Return how many characters of a text fit: up to a line break or a space where there is one
    in the last quarter; at least one character."""
    if max_tokens is None or len(text) <= max_tokens:  # no token is shorter than a character
        return len(text)
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens([text[:middle]])[0] <= max_tokens:
            low = middle
        else:
            high = middle - 1
    if low == len(text):
        return low
    for separator in ("\n", " "):
        cut = text.rfind(separator, 3 * low // 4, low)
        if cut > 0:
            return cut + 1
    return low
