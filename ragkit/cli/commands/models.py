"""The command about models: `ragkit models`. Calls `model_cards`, renders its cards."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli import UNAVAILABLE
from ragkit.cli.commands.collection import load_settings
from ragkit.cli.commands.locate import locate_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.collection import Collection
from ragkit.models.cards import ModelCard, cards
from ragkit.storage.sqlite.database import FILE_NAME


def models(arguments: Namespace) -> int:
    """`ragkit models`. Answers 3 where a model that is named cannot be used."""
    settings = load_settings(arguments)
    folder = locate_collection(settings.collection)
    in_use = None
    if settings.collection is not None or (folder / FILE_NAME).exists():
        with Collection(folder, create=False, settings=settings) as collection:
            in_use = collection.model()
    found = cards(settings, in_use, arguments.names, bench=arguments.bench)
    if arguments.json:
        render.json_line([dataclasses.asdict(card) for card in found])
    elif found:
        print(to_printable("\n".join(_shown(card) for card in found), lines=True))
    else:
        print_message('no model is here; get one with: pip install "ragkit[model]"')
    return UNAVAILABLE if arguments.names and any(card.error for card in found) else 0


def _shown(card: ModelCard) -> str:
    """A card in a few lines; a star before what the collection uses."""
    facts = [
        card.dimension and f"{card.dimension} dimensions",
        card.window and f"{card.window} tokens",
        card.pooling and f"{card.pooling} pooling",
        card.precision != "fp32" and card.precision,
        card.engine and card.engine != "server" and f"by {card.engine}",
        ", ".join(card.languages[:6]) + (", …" if len(card.languages) > 6 else ""),
        card.bytes and render.size(card.bytes),
    ]
    place = card.path or card.base_url or "not here; fetched when it is first used"
    lines = [", ".join(fact for fact in facts if fact)]
    lines += [f"{card.origin}: {place}"] if card.origin else []
    if card.query_prompt or card.passage_prompt:
        lines.append(f"prompts: query {card.query_prompt!r}, passage {card.passage_prompt!r}")
    if card.query_ms is not None:
        lines.append(
            f"here: {card.query_ms:.1f} ms a query, {card.tokens_per_second:,.0f} tokens/s of "
            "passages"
        )
    if card.error:
        lines.append(f"cannot be used: {card.error.replace(chr(10), chr(10) + '    ')}")
    star = "*" if card.in_use else " "
    return "\n".join([f"{star} {card.name}", *(f"    {line}" for line in lines if line)])
