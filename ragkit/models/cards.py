"""What models there are: for each how it was found, what its folder says, and how fast it is here.

Contract: `cards` describes the models that are named or, where none is, those a user has: the
collection's, that of the settings, the packages, and the sentence-transformers models in the hub's
cache. Fetches nothing, asks no server and loads no torch, unless `bench` is set. A model that
cannot be used has a card that says why.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragkit.encoders import model_folder
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import cpu_engines
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import RagkitError
from ragkit.models import selection
from ragkit.settings import Settings

if TYPE_CHECKING:
    from ragkit.encoders import Encoder

_CARD_BYTES = 100_000  # of a README that are read for its languages
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
    """A model as it would be used. None where it is not known."""

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
    """A card for each model; `in_use` is what the collection was made with."""
    found: list[ModelCard] = []
    for spec in _specs(settings, in_use, names):
        card = _card(spec, settings, bench)
        card = dataclasses.replace(card, in_use=spec is in_use)
        if not any(_same(card, other) for other in found):
            found.append(card)
    return found


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
    yield from map(ModelSpec, [*resolve_model.PACKAGES, *resolve_model.cached()])


def _same(card: ModelCard, other: ModelCard) -> bool:
    if card.path is None or other.path is None:
        return (card.name, card.base_url) == (other.name, other.base_url)
    return Path(card.path).resolve() == Path(other.path).resolve()


def _card(spec: ModelSpec, settings: Settings, bench: bool) -> ModelCard:
    card = ModelCard(spec.name, "server" if spec.base_url else None, base_url=spec.base_url)
    try:
        if spec.base_url:
            return _of_server(card, spec, settings, bench)
        place = resolve_model.here(spec.name)
        if place is None and not resolve_model.is_offline():
            return dataclasses.replace(card, origin="hub")
        place = place or resolve_model.resolve(spec.name)  # raises, with the ways to get it
        card = dataclasses.replace(card, origin=place.origin, path=str(place.path.absolute()))
        return _of_folder(card, spec, bench)
    except RagkitError as error:
        return dataclasses.replace(card, error=str(error))


def _of_folder(card: ModelCard, spec: ModelSpec, bench: bool) -> ModelCard:
    folder = Path(card.path or "")
    made = model_folder.read(folder, spec.name, digest=lambda path: "")
    encoder = SentenceEncoder(spec.name, made, spec.precision, spec.dimensions)
    files = [path for path in folder.rglob("*") if path.is_file()]
    card = dataclasses.replace(
        card,
        dimension=encoder.dimension,
        window=encoder.window,
        precision=spec.precision,
        pooling=made.pooling,
        query_prompt=made.query_prompt,
        passage_prompt=made.passage_prompt,
        languages=languages(folder / "README.md"),
        bytes=sum(path.stat().st_size for path in files),
        engine=cpu_engines.engine_names(made),
    )
    return _measured(card, encoder) if bench else card


def _of_server(card: ModelCard, spec: ModelSpec, settings: Settings, bench: bool) -> ModelCard:
    query_prompt, passage_prompt = model_folder.family_prompts(spec.name)
    card = dataclasses.replace(
        card, query_prompt=query_prompt, passage_prompt=passage_prompt, engine="server"
    )
    if not (bench or spec.probe):
        return card  # nothing is known of it before it is asked
    if bench:
        _, encoder = selection.load(selection.resolve_spec(settings, spec))
    else:
        encoder = selection.build(spec)
    card = dataclasses.replace(card, dimension=encoder.dimension, window=encoder.window)
    return _measured(card, encoder) if bench else card


def _measured(card: ModelCard, encoder: Encoder) -> ModelCard:
    """With how fast the encoder is here, in some seconds; what is loaded once is not counted."""
    encoder.encode_queries([_QUERY])
    times: list[float] = []
    end = time.perf_counter() + _QUERY_SECONDS
    while not times or (time.perf_counter() < end and len(times) < 100):
        start = time.perf_counter()
        encoder.encode_queries([_QUERY])
        times.append(time.perf_counter() - start)
    texts = [_PASSAGE] * _PASSAGES
    encoder.encode_passages(texts * 2)  # enough to have the engine for bulk loaded
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


def languages(readme: Path) -> tuple[str, ...]:
    """What the front matter of a model's README says under `language:`, one or a list of codes.
    https://huggingface.co/docs/hub/model-cards#model-card-metadata"""
    try:
        with readme.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_CARD_BYTES)
    except OSError:
        return ()
    front = re.match(r"---[ \t]*\n(.*?)\n---", text, re.DOTALL)
    said = front and re.search(
        r"^language:[ \t]*(\[[^\]]*\]|[^\n]*(?:\n[ \t]*- [^\n]*)*)", front[1], re.MULTILINE
    )
    if not said:
        return ()
    words = re.split(r"[\s,\[\]]+|(?<![\w-])-(?=\s)", re.sub(r"#[^\n]*", "", said[1]))
    return tuple(word.strip("'\"") for word in words if word.strip("-'\""))
