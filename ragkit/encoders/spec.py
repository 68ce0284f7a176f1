"""`ModelSpec`: which encoder, in every respect that a user chooses.

Contract: plain values, made from settings and flags, kept with a collection as JSON so that
another process loads the same encoder. Knows no files, no network and no numbers: imports nothing.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field

from ragkit.errors import UsageError
from ragkit.records.documents import PRECISIONS

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_SERVER_WINDOW = 256


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and how it is used. Raises UsageError where a value makes no sense."""

    name: str
    precision: str = "fp32"
    dimensions: int | None = None
    """The first so many numbers of each vector; None: all."""
    base_url: str | None = None
    """Of an OpenAI-compatible server; None: the model runs here."""
    window: int | None = None
    """Tokens the model of the server reads at once."""
    tokenizer: str | None = None
    """A local model whose tokenizer is the server's; None: an estimate on the safe side."""
    probe: str | None = field(default=None, repr=False)
    """What the server answered when the collection was made: see `remote`."""
    api_key_env: str | None = field(default=None, compare=False, repr=False)
    """Name of the environment variable with the server's key. Never kept with a collection."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"precision is {self.precision!r}; expected one of {', '.join(PRECISIONS)}"
            )
        if self.dimensions is not None and self.dimensions < 1:
            raise UsageError(f"dimensions is {self.dimensions}; expected 1 or more")
        if self.window is not None and self.window < 16:
            raise UsageError(f"window is {self.window}; expected 16 tokens or more")
        if self.base_url is None and (self.window or self.tokenizer):
            raise UsageError("window and tokenizer describe a server's model; name its base_url")
        if self.base_url is not None and self.precision != "fp32":
            raise UsageError(
                f"precision is {self.precision!r}, but {self.base_url} decides how it computes"
            )

    def __str__(self) -> str:
        """For people: the name, and what is unusual about it."""
        more = [f"{self.dimensions} dimensions"] if self.dimensions else []
        more += [self.precision] if self.precision != "fp32" else []
        where = f" at {self.base_url}" if self.base_url else ""
        return f"{self.name}{where}" + (f" ({', '.join(more)})" if more else "")

    @property
    def options(self) -> str:
        """All but the name and the key's variable, as a JSON object without what is as usual."""
        usual = dataclasses.asdict(ModelSpec(self.name))
        mine = dataclasses.asdict(self)
        kept = {key: mine[key] for key in _OPTIONS if mine[key] != usual[key]}
        return json.dumps(kept, sort_keys=True)


_OPTIONS = ("precision", "dimensions", "base_url", "window", "tokenizer", "probe")


def parse_spec(name: str, options: str) -> ModelSpec:
    """The spec that a collection keeps as a name and `ModelSpec.options`. An option that this
    version does not know is passed over: the fingerprint tells whether it mattered."""
    kept = json.loads(options)
    return ModelSpec(name, **{key: kept[key] for key in _OPTIONS if key in kept})
