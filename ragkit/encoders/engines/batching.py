"""Group texts into batches of a bounded number of tokens.

Contract: lengths in, lists of indexes out; every index occurs in exactly one batch. The one place
where texts are batched by tokens. Knows neither texts nor models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def token_batches(
    lengths: Sequence[int],
    max_tokens: int,
    *,
    padded: bool = True,
    in_order: bool = False,
    max_texts: int | None = None,
) -> Iterator[list[int]]:
    """Yield lists of indexes into `lengths` (tokens of each text).

    A batch holds at most `max_tokens` tokens and `max_texts` texts; a text of more than
    `max_tokens` is a batch of its own. By default the longest texts come first, so that a batch
    holds texts of about the same length and one that is too large for memory fails at once.
    `padded` counts every text as long as the longest of its batch, as a rectangular tensor stores
    it; without it a batch counts the sum of its lengths. `in_order` keeps the order of the texts.
    """
    order: Sequence[int] = range(len(lengths))
    if not in_order:
        order = sorted(order, key=lambda index: -lengths[index])
    batch: list[int] = []
    total = longest = 0
    for index in order:
        length = lengths[index]
        tokens = (len(batch) + 1) * max(longest, length) if padded else total + length
        if batch and (tokens > max_tokens or len(batch) == max_texts):
            yield batch
            batch, total, longest = [], 0, 0
        batch.append(index)
        total += length
        longest = max(longest, length)
    if batch:
        yield batch
