"""`ModelSpec`: which encoder, with all options that a user chooses.

Contract: plain values, made from settings and flags and stored with a collection as JSON, so that
another process loads the same encoder. Knows no files, no network and no arrays.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import lru_cache

from ragkit.errors import ModelError, UsageError
from ragkit.records.precisions import PRECISIONS

DEFAULT_MODEL = "all-MiniLM-L6-v2"
MULTILINGUAL_MODEL = "intfloat/multilingual-e5-small"
DEFAULT_SERVER_WINDOW = 256
_SHORT_NAMES = {"multilingual": MULTILINGUAL_MODEL}


def expand_name(name: str) -> str:
    """Return the full name of a model that has a short one: `multilingual`; else the name."""
    return _SHORT_NAMES.get(name, name)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and its options. Raises UsageError for a value out of range, or for options that
    exclude each other."""

    name: str
    precision: str = "fp32"
    dimensions: int | None = None
    """How many numbers of each vector are kept; None: all."""
    base_url: str | None = None
    """The address of an OpenAI-compatible server; None for a local model."""
    window: int | None = None
    """Tokens that the server's model reads at once."""
    tokenizer: str | None = None
    """A local model with the tokenizer of the server's model; None: tokens are estimated."""
    probe: str | None = field(default=None, repr=False)
    """The server's vector of a fixed text when the collection was made: see `remote_encoder`."""
    api_key_env: str | None = field(default=None, compare=False, repr=False)
    """Name of the environment variable with the server's key. Never stored."""

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
        """The name and the options that differ from the defaults, for messages."""
        more = [f"{self.dimensions} dimensions"] if self.dimensions else []
        more += [self.precision] if self.precision != "fp32" else []
        where = f" at {self.base_url}" if self.base_url else ""
        return f"{self.name}{where}" + (f" ({', '.join(more)})" if more else "")

    @property
    def options(self) -> str:
        """The options that differ from the defaults, as a JSON object: what a collection stores
        beside the name. Name and the key's variable are left out."""
        defaults = dataclasses.asdict(ModelSpec(self.name))
        values = dataclasses.asdict(self)
        changed = {key: values[key] for key in _OPTIONS if values[key] != defaults[key]}
        return json.dumps(changed, sort_keys=True)


_NUMBERS = ("dimensions", "window")
_OPTIONS = ("precision", "dimensions", "base_url", "window", "tokenizer", "probe")


@lru_cache(maxsize=16)
def parse_spec(name: str, options: str) -> ModelSpec:
    """Return the spec that a collection stores as a name and `ModelSpec.options`. Options that this
    version does not know are ignored: the fingerprint shows whether they matter.

    Raises ModelError for what ragkit does not store: the collection is damaged, or not its own.
    """
    try:
        stored = json.loads(options)
        known = {key: stored[key] for key in _OPTIONS if key in stored}
        if not (isinstance(stored, dict) and isinstance(name, str)) or any(
            type(value) is not (int if key in _NUMBERS else str) for key, value in known.items()
        ):
            raise ValueError("a value of another type")
        return ModelSpec(name, **known)
    except (ValueError, TypeError, RecursionError, UsageError) as error:
        raise ModelError(
            f"the collection's entry of its model {name!r} is damaged ({error}). Embed everything "
            "again: ragkit index --rebuild --model NAME"
        ) from error
