"""`ragkit models`: the encoders on this machine, and those named."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli import UNAVAILABLE
from ragkit.cli.commands.groups import load_settings
from ragkit.cli.commands.locate import locate_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.collection import Collection
from ragkit.errors import ModelError, UsageError
from ragkit.models import catalog
from ragkit.models.cards import ModelCard, cards
from ragkit.storage.sqlite.database import FILE_NAME

_KNOWN_HEADINGS = (
    "model", "size", "dimensions", "window", "languages", "licence", "BEIR", "out of domain",
)  # fmt: skip


def models(arguments: Namespace) -> int:
    """Run `ragkit models`; return its exit code. Returns 3 where a named model cannot be used."""
    if arguments.known:
        return _print_known(arguments)
    settings = load_settings(arguments)
    folder = locate_collection(settings.collection)
    in_use = None
    if settings.collection is not None or (folder / FILE_NAME).exists():
        with Collection(folder, create=False, settings=settings) as collection:
            try:
                in_use = collection.model()
            except ModelError as error:  # an encoder that the collection may not choose
                print_message(str(error))
    model_cards = cards(settings, in_use, arguments.names, bench=arguments.bench)
    if arguments.json:
        render.print_json([dataclasses.asdict(card) for card in model_cards])
    elif model_cards:
        print(to_printable("\n".join(_describe(card) for card in model_cards), lines=True))
    else:
        print_message('no model is installed; get one with: pip install "ragkit-search[model]"')
    if not (arguments.json or arguments.names or arguments.bench):
        print_message("Models worth choosing, with published results: ragkit models --known")
    return UNAVAILABLE if arguments.names and any(card.error for card in model_cards) else 0


def _print_known(arguments: Namespace) -> int:
    """Print the curated table."""
    if arguments.names or arguments.bench:
        raise UsageError("--known lists published figures; leave names and --bench out")
    if arguments.json:
        render.print_json(
            [{**dataclasses.asdict(model), "source": model.source} for model in catalog.CATALOG]
        )
        return 0
    rows = [_KNOWN_HEADINGS, *map(_known_row, catalog.CATALOG)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, model in zip(rows, [None, *catalog.CATALOG], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
        if model is not None:
            prompts = model.query_prompt or model.passage_prompt
            details = [f"engine {model.engine}", model.note]
            if prompts:
                details.append(f"prompts {model.query_prompt!r}, {model.passage_prompt!r}")
            lines.append("    " + "; ".join(detail for detail in details if detail))
            lines.append(f"    results {model.source}")
    print(to_printable("\n".join([*lines, "", f"Results: {catalog.SOURCE}."]), lines=True))
    print_message("The speed of a model here: ragkit models --bench NAME")
    return 0


def _known_row(model: catalog.KnownModel) -> tuple[str, ...]:
    """The cells of one model."""
    return (
        model.name,
        f"{model.parameters}M",
        str(model.dimension),
        str(model.window),
        model.languages,
        model.licence,
        "-" if model.beir is None else f"{model.beir:.1f}",
        "-" if model.out_of_domain is None else f"{model.out_of_domain:.1f}",
    )


def _describe(card: ModelCard) -> str:
    """A card in a few lines; a star marks the model that the collection uses."""
    facts = [
        card.dimension and f"{card.dimension} dimensions",
        card.window and f"{card.window} tokens",
        card.pooling and f"{card.pooling} pooling",
        card.precision != "fp32" and card.precision,
        card.engine and card.engine != "server" and f"engine {card.engine}",
        ", ".join(card.languages[:6]) + (", …" if len(card.languages) > 6 else ""),
        card.bytes and render.format_size(card.bytes),
    ]
    place = card.path or card.base_url or "not installed; downloaded on first use"
    lines = [", ".join(fact for fact in facts if fact)]
    lines += [f"{card.origin}: {place}"] if card.origin else []
    if card.query_prompt or card.passage_prompt:
        lines.append(f"prompts: query {card.query_prompt!r}, passage {card.passage_prompt!r}")
    if card.query_ms is not None:
        lines.append(
            f"on this machine: {card.query_ms:.1f} ms per query, "
            f"{card.tokens_per_second:,.0f} tokens/s for passages"
        )
    if card.error:
        lines.append(f"cannot be used: {card.error.replace(chr(10), chr(10) + '    ')}")
    star = "*" if card.in_use else " "
    return "\n".join([f"{star} {card.name}", *(f"    {line}" for line in lines if line)])
