"""Which encoder a collection works with, loaded once; and the vectors of its latest queries.

Contract: what a user asks for (settings, flags) and what the collection was made with become one
`ModelSpec`; an encoder that would put other vectors beside those that are there is a `ModelError`
with the command that rebuilds. A collection may come from somebody else: the address of a server
in it is used only where the user's own settings name it too, or where it is this machine. Knows
nothing of files, passages or ranking.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.encoders import spec as specs
from ragkit.encoders.spec import DEFAULT_MODEL, ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.settings import Settings
from ragkit.storage.sqlite import embeddings, files
from ragkit.storage.sqlite.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder

REMEMBERED = 256  # queries


class EncoderChoice:
    """The encoder of the collection in `store`; `given` takes the place of any model named.
    Safe to share between threads."""

    def __init__(self, store: Database, settings: Settings, given: Encoder | None = None) -> None:
        self.given = given
        self._store = store
        self._settings = settings
        self._loaded: tuple[ModelSpec, Encoder] | None = None
        self._loading = threading.Lock()
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._remembering = threading.Lock()

    def spec(self) -> ModelSpec | None:
        """What the collection was made with; None where nothing was indexed yet."""
        row = self._row()
        return None if row is None else specs.stored(row["name"], row["options"])

    def ready(self) -> Encoder:
        """The collection's encoder, checked against what it was made with."""
        with self._loading:
            row = self._row()
            if self.given is not None:
                spec, encoder = ModelSpec(self.given.name), self.given
            elif row is None:
                spec, encoder = self._loaded = load(wanted(self._settings, None))
            else:
                spec = readable(self._settings, specs.stored(row["name"], row["options"]))
                known = self._loaded
                if known and known[0] == spec and known[1].fingerprint == row["fingerprint"]:
                    return known[1]
                encoder = made(spec)
                self._loaded = (spec, encoder)
            if row is not None and row["fingerprint"] != encoder.fingerprint:
                raise self._other_model(row, spec, encoder)
            return encoder

    def borrow(self, other: EncoderChoice) -> None:
        """Take the encoder that `other` has loaded. `ready` still checks whether it is the one."""
        with self._loading:
            self._loaded = other._loaded

    def query_vector(self, encoder: Encoder, text: str) -> NDArray[np.float32]:
        """(d,) float32, unit length, read-only. A query asked before is not encoded again."""
        key = (encoder.fingerprint, text)
        with self._remembering:
            if key in self._vectors:
                self._vectors.move_to_end(key)
                return self._vectors[key]
        vector: NDArray[np.float32] = encoder.encode_queries([text])[0]
        vector.setflags(write=False)
        self._remember(encoder, {text: vector})
        return vector

    def query_vectors(self, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit rows; those that were not asked before are encoded at once."""
        import numpy as np  # not for `--help`

        if len(texts) == 1:
            return self.query_vector(encoder, texts[0])[None, :]
        of = encoder.fingerprint
        with self._remembering:
            known = {text: self._vectors[of, text] for text in texts if (of, text) in self._vectors}
        if fresh := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= zip(fresh, encoder.encode_queries(fresh), strict=True)
            self._remember(encoder, {text: known[text] for text in fresh[-REMEMBERED:]})
        return np.stack([known[text] for text in texts])

    def _remember(self, encoder: Encoder, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        with self._remembering:
            for text, vector in vectors.items():
                kept = vector.copy()  # alone: it may be a row of many
                kept.setflags(write=False)
                self._vectors[encoder.fingerprint, text] = kept
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)

    @staticmethod
    def cut_off(encoder: Encoder, queries: Sequence[str]) -> str | None:
        """What a user should know of queries that are longer than the encoder reads."""
        counts = encoder.count_tokens(queries)
        long = [tokens for tokens in counts if tokens > encoder.window]
        if not long:
            return None
        what = f"the query has {long[0]} tokens"
        if len(queries) > 1:
            what = f"{len(long):,} of the queries have up to {max(long)} tokens"
        return f"{what}; {encoder.name} reads the first {encoder.window} of them"

    def fingerprint_to_write_with(self, model: str | None, rebuild: bool) -> str:
        """What a run of `index` would work with; changes nothing."""
        row = self._row()
        found = self._other_to_write_with(row, model, rebuild)
        if found is None:
            assert row is not None  # noqa: S101 - else there would be another
            return str(row["fingerprint"])
        return found[1].fingerprint

    def settle(self, model: str | None, rebuild: bool) -> tuple[int, str]:
        """Make what is asked for the collection's encoder, where it is not; its id and
        fingerprint. `rebuild` forgets the vectors that are there, once the encoder is loaded."""
        row = self._row()
        found = self._other_to_write_with(row, model, rebuild)
        if found is None:
            assert row is not None  # noqa: S101 - else there would be another
            return row["id"], row["fingerprint"]
        spec, encoder = found
        with self._store.changing() as (connection, now):
            if rebuild:
                embeddings.forget_vectors(connection, now)
                files.forget_recipes(connection)
            model_id = embeddings.use_model(
                connection,
                encoder.name,
                encoder.fingerprint,
                encoder.dimension,
                encoder.window,
                spec.options,
            )
        if self.given is None:
            self._loaded = (dataclasses.replace(spec, name=encoder.name), encoder)
        return model_id, encoder.fingerprint

    def _other_to_write_with(
        self, row: sqlite3.Row | None, model: str | None, rebuild: bool
    ) -> tuple[ModelSpec, Encoder] | None:
        """The encoder that is to be made the collection's, with its spec; None where the one in
        `row` stays, which nothing had to be loaded to know.

        It has to be where the collection has none yet, where another is asked for, and before a
        rebuild throws anything away.
        """
        settings = dataclasses.replace(self._settings, model=model or self._settings.model)
        if self.given is not None and settings.model in (None, self.given.name):
            spec, encoder = ModelSpec(self.given.name), self.given
            if row is not None and row["fingerprint"] == encoder.fingerprint and not rebuild:
                return None
        else:
            there = None if row is None else specs.stored(row["name"], row["options"])
            spec = wanted(settings, there)
            if row is not None and spec == there and not rebuild:
                return None
            spec = dataclasses.replace(spec, probe=None) if rebuild else spec
            spec, encoder = load(spec)
        if row is not None and row["fingerprint"] != encoder.fingerprint and not rebuild:
            raise self._other_model(row, spec, encoder)
        return spec, encoder

    def _row(self) -> sqlite3.Row | None:
        with self._store.reading() as connection:
            return embeddings.model(connection)

    def _other_model(self, row: sqlite3.Row, spec: ModelSpec, encoder: Encoder) -> ModelError:
        there = specs.stored(row["name"], row["options"])
        spec = dataclasses.replace(spec, name=encoder.name)
        flags = f"--model {encoder.name}"
        if spec.dimensions or there.dimensions:
            flags += f" --dimensions {encoder.dimension}"
        if spec.precision != there.precision:
            flags += f" --precision {spec.precision}"
        return ModelError(
            f"this collection was made with the model {there} (fingerprint "
            f"{row['fingerprint'][:12]}), not with {spec} ({encoder.fingerprint[:12]}). To read "
            "and embed everything again with the other: "
            f"ragkit -c {self._store.folder} index --rebuild {flags}"
        )


def wanted(settings: Settings, there: ModelSpec | None) -> ModelSpec:
    """What the settings ask for, on top of what the collection has: another model starts afresh,
    the same one keeps what the settings don't name. Raises UsageError for what fits no model."""
    name = settings.model
    server = None if name and _is_folder(name) else settings.base_url
    if there is None or not (name is None or _is_called(there, name)):
        if server and name is None:
            raise UsageError(
                f"{server} is named as base_url, but no model of it; name one with --model NAME"
            )
        spec = ModelSpec(name or DEFAULT_MODEL, base_url=server)
    elif name and server and not there.base_url:
        spec = ModelSpec(name, base_url=server)  # there under the same name
    else:
        spec = there
    names = ["precision", "dimensions", *(["window", "tokenizer"] if spec.base_url else [])]
    named = {each: getattr(settings, each) for each in names}
    changes = {each: value for each, value in named.items() if value is not None}
    return readable(settings, dataclasses.replace(spec, **changes))


def shown(settings: Settings, in_use: ModelSpec | None, named: str | None = None) -> ModelSpec:
    """The model to look into, layer by layer: the `named` one, else that `in_use` by a collection,
    else that of the settings. Raises UsageError for a server's: it shows no layers."""
    if named is not None:
        return wanted(dataclasses.replace(settings, model=named, base_url=None), None)
    spec = in_use or wanted(settings, None)
    if spec.base_url is not None:
        raise UsageError(
            f"{spec} is a server's, which shows neither layers nor words; name a model that is "
            "here: --model NAME"
        )
    return spec


def _is_folder(name: str) -> bool:
    """Whether a model's name is that of a folder, which is never asked of a server."""
    folder = Path(name).expanduser()
    return any((folder / file).is_file() for file in ("config.json", "modules.json"))


def _is_called(spec: ModelSpec, name: str) -> bool:
    """Whether the name means the model of the spec: a folder goes by its absolute path there."""
    return name == spec.name or str(Path(name).expanduser().resolve()) == spec.name


def readable(settings: Settings, spec: ModelSpec) -> ModelSpec:
    """The spec with the address and the key's variable that the user's settings name for it."""
    if spec.base_url is None:
        return spec
    if settings.base_url:
        return dataclasses.replace(
            spec, base_url=settings.base_url, api_key_env=settings.api_key_env
        )
    from ragkit.network.addresses import is_loopback

    if not is_loopback(spec.base_url):
        raise ModelError(
            f"this collection was made with the model {spec}, and your settings do not name that "
            f"server. If your text may go there: RAGKIT_BASE_URL={spec.base_url} ragkit …, or "
            "base_url in your config.toml (with api_key_env, if it asks for a key)"
        )
    return spec


def load(spec: ModelSpec) -> tuple[ModelSpec, Encoder]:
    """The encoder, and the spec with what its server had to be asked for."""
    if spec.base_url is not None:
        from ragkit.encoders import remote_encoder

        spec = remote_encoder.introduced(spec)
    return spec, made(spec)


def made(spec: ModelSpec) -> Encoder:
    """The encoder of a spec of which all is known."""
    if spec.base_url is not None:
        from ragkit.encoders.remote_encoder import RemoteEncoder

        return RemoteEncoder(spec)
    from ragkit.encoders import resolve as resolve_model

    return resolve_model.load(spec)
