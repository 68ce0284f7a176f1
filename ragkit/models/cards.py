"""Model cards: where a model was found, its properties, and its speed on this machine.

Contract: `cards` describes the models that are named or, if none is, the installed ones: the
collection's, that of the settings, the installed packages, and the sentence-transformers models in
the hub cache. Downloads nothing, sends nothing to a server and loads no torch unless `bench` is
set. A model that cannot be used has a card with the reason.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragkit.encoders import model_card, model_folder
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import cpu_engines
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import RagkitError
from ragkit.models import selection
from ragkit.settings import Settings

if TYPE_CHECKING:
    from ragkit.encoders import Encoder

_QUERY = "how long may parents stay at home after a child is born?"
_PASSAGE = (
    "Parents may be absent for up to twenty-six weeks in the first two years of a child's life. "
    "The first six weeks follow the birth; the others are taken together or in parts of at least "
    "a week, and are asked for four weeks before. Both parents are entitled to them, together or "
    "one after the other, and the position is kept open meanwhile. Whoever adopts a child has the "
    "same rights from the day the child comes into the family. Part-time work of up to thirty "
    "hours a week is possible during that time where both sides agree in writing."
)
_QUERY_SECONDS, _PASSAGE_SECONDS, _PASSAGES = 1.5, 3.0, 16


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Name, origin, properties and speed of a model, or the error why it cannot be used. None:
    unknown."""

    name: str
    origin: Literal["folder", "package", "cache", "hub", "server"] | None
    in_use: bool = False  # by the collection
    path: str | None = None
    base_url: str | None = None
    dimension: int | None = None
    window: int | None = None  # tokens of text
    precision: str = "fp32"
    pooling: str | None = None
    query_prompt: str = ""
    passage_prompt: str = ""
    languages: tuple[str, ...] = ()  # as its README says
    bytes: int | None = None  # on disk
    engine: str | None = None
    error: str | None = None
    query_ms: float | None = None  # median, a query of some twelve tokens
    tokens_per_second: float | None = None  # of passages


def cards(
    settings: Settings,
    in_use: ModelSpec | None,
    names: Sequence[str] = (),
    *,
    bench: bool = False,
) -> list[ModelCard]:
    """Return a `ModelCard` for each model, without duplicates.

    `in_use` is the spec stored with the collection. `names`: only these models. `bench` measures
    the speed of each model, some seconds each. Raises UsageError for wrong settings.
    """
    described: list[ModelCard] = []
    for spec in _specs(settings, in_use, names):
        card = _describe(spec, settings, bench)
        card = dataclasses.replace(card, in_use=spec is in_use)
        if not any(_is_same_model(card, other) for other in described):
            described.append(card)
    return described


def _specs(
    settings: Settings, in_use: ModelSpec | None, names: Sequence[str]
) -> Iterable[ModelSpec]:
    for name in names:
        yield in_use if in_use and in_use.name == name else ModelSpec(name)
    if names:
        return
    if in_use:
        yield in_use
    if settings.model and not (in_use and settings.model == in_use.name):
        yield selection.spec_from_settings(settings, None)
    yield from map(ModelSpec, [*resolve_model.PACKAGES, *resolve_model.list_cached()])


def _is_same_model(card: ModelCard, other: ModelCard) -> bool:
    if card.path is None or other.path is None:
        return (card.name, card.base_url) == (other.name, other.base_url)
    return Path(card.path).resolve() == Path(other.path).resolve()


def _describe(spec: ModelSpec, settings: Settings, bench: bool) -> ModelCard:
    card = ModelCard(spec.name, "server" if spec.base_url else None, base_url=spec.base_url)
    try:
        if spec.base_url:
            return _describe_server(card, spec, settings, bench)
        location = resolve_model.find_local(spec.name)
        if location is None and not resolve_model.is_offline():
            return dataclasses.replace(card, origin="hub")
        location = location or resolve_model.resolve(spec.name)  # raises, with the ways to get it
        path = str(location.path.absolute())
        card = dataclasses.replace(card, origin=location.origin, path=path)
        return _describe_folder(card, spec, bench)
    except RagkitError as error:
        return dataclasses.replace(card, error=str(error))


def _describe_folder(card: ModelCard, spec: ModelSpec, bench: bool) -> ModelCard:
    path = Path(card.path or "")
    folder = model_folder.read(path, spec.name, digest=lambda path: "")
    encoder = SentenceEncoder(spec.name, folder, spec.precision, spec.dimensions)
    files = [file for file in path.rglob("*") if file.is_file()]
    card = dataclasses.replace(
        card,
        dimension=encoder.dimension,
        window=encoder.window,
        precision=spec.precision,
        pooling=folder.pooling,
        query_prompt=folder.query_prompt,
        passage_prompt=folder.passage_prompt,
        languages=model_card.languages(path / "README.md"),
        bytes=sum(file.stat().st_size for file in files),
        engine=cpu_engines.engine_names(folder),
    )
    return _measure(card, encoder) if bench else card


def _describe_server(
    card: ModelCard, spec: ModelSpec, settings: Settings, bench: bool
) -> ModelCard:
    query_prompt, passage_prompt = model_folder.family_prompts(spec.name)
    card = dataclasses.replace(
        card, query_prompt=query_prompt, passage_prompt=passage_prompt, engine="server"
    )
    if not (bench or spec.probe):
        return card  # nothing else is known without a request
    if bench:
        _, encoder = selection.load(selection.resolve_spec(settings, spec))
    else:
        encoder = selection.build(spec)
    card = dataclasses.replace(card, dimension=encoder.dimension, window=encoder.window)
    return _measure(card, encoder) if bench else card


def _measure(card: ModelCard, encoder: Encoder) -> ModelCard:
    """The card with the encoder's measured speed. Takes some seconds; loading is not counted."""
    encoder.encode_queries([_QUERY])
    times: list[float] = []
    end = time.perf_counter() + _QUERY_SECONDS
    while not times or (time.perf_counter() < end and len(times) < 100):
        start = time.perf_counter()
        encoder.encode_queries([_QUERY])
        times.append(time.perf_counter() - start)
    texts = [_PASSAGE] * _PASSAGES
    encoder.encode_passages(texts * 2)  # enough to load the bulk engine
    rounds, start = 0, time.perf_counter()
    while not rounds or time.perf_counter() - start < _PASSAGE_SECONDS:
        encoder.encode_passages(texts)
        rounds += 1
    seconds = time.perf_counter() - start
    tokens = rounds * sum(min(n, encoder.window) for n in encoder.count_tokens(texts))
    return dataclasses.replace(
        card,
        query_ms=round(1000 * statistics.median(times), 2),
        tokens_per_second=round(tokens / seconds, 1),
    )
