"""The encoder of a collection, loaded once, and a cache of query vectors.

Contract: the user's settings and the model stored with a collection are combined into one
`ModelSpec`. An encoder whose fingerprint is not that of the stored vectors is a `ModelError`, which
names the command that rebuilds. A collection may come from somebody else: the server address stored
in it is used only if the user's own settings name it too, or if it is on this machine and the user
trusts the collection; a name stored in it never means a folder in the working folder
(`check_stored_spec`). Knows no files, passages or ranking.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.encoders import spec as specs
from ragkit.encoders.spec import DEFAULT_MODEL, ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.records.precisions import AUTO_PRECISION
from ragkit.settings import Settings
from ragkit.storage.sqlite import files, passages
from ragkit.storage.sqlite.database import Database
from ragkit.trust import TrustLevel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.models.precision import PrecisionTrial

MAX_CACHED_QUERIES = 256


class ModelSelection:
    """Chooses and loads the encoder of the collection in `store`. Safe to share between threads.

    `encoder` is used instead of any model that the settings name.
    """

    def __init__(self, store: Database, settings: Settings, encoder: Encoder | None = None) -> None:
        self.own_encoder = encoder
        self._store = store
        self._settings = settings
        self._loaded: tuple[ModelSpec, Encoder] | None = None
        self._loading = threading.Lock()
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._caching = threading.Lock()

    def spec(self) -> ModelSpec | None:
        """Return the spec that is stored with the collection; None before the first index run.

        Raises ModelError if the collection may not choose it: see `check_stored_spec`.
        """
        row = self._stored_model()
        if row is None:
            return None
        stored = specs.parse_spec(row["name"], row["options"])
        if self.own_encoder is None:
            check_stored_spec(self._store, self._settings, stored)
        return stored

    def load_encoder(self, stored: sqlite3.Row | None = None) -> Encoder:
        """Return the collection's encoder, loaded on first use.

        `stored` is the row of its model, if the caller has just read it. Raises ModelError if the
        fingerprint is not the one stored with the vectors.
        """
        with self._loading:
            row = self._stored_model() if stored is None else stored
            if self.own_encoder is not None:
                spec, encoder = ModelSpec(self.own_encoder.name), self.own_encoder
            elif row is None:
                if self._settings.model is None:
                    _refuse_shadowed(DEFAULT_MODEL)
                spec, encoder = self._loaded = load(spec_from_settings(self._settings, None))
            else:
                stored_spec = specs.parse_spec(row["name"], row["options"])
                spec = resolve_spec(self._settings, stored_spec)
                loaded = self._loaded
                if loaded and loaded[0] == spec and loaded[1].fingerprint == row["fingerprint"]:
                    return loaded[1]
                check_stored_spec(self._store, self._settings, stored_spec)
                encoder = build(spec)
                self._loaded = (spec, encoder)
            if row is not None and row["fingerprint"] != encoder.fingerprint:
                # Another thread may have switched the collection since `stored` was read.
                row = self._stored_model() if stored is not None else row
                if row is not None and row["fingerprint"] != encoder.fingerprint:
                    raise self._wrong_model(row, spec, encoder)
            return encoder

    def load_other(
        self, model: str | None, read_texts: Callable[[], Sequence[str]]
    ) -> tuple[ModelSpec, Encoder, PrecisionTrial | None]:
        """Load the encoder of this name, with the options of the settings, whatever the collection
        uses. Raises ModelError.

        If the settings leave the precision to a trial, it is made on the texts that `read_texts`
        returns, and returned.
        """
        settings = dataclasses.replace(self._settings, model=model or self._settings.model)
        if settings.model is None:
            raise UsageError("no model is named; name one with --model NAME")
        spec = spec_from_settings(settings, None)
        trial: PrecisionTrial | None = None
        if settings.precision == AUTO_PRECISION and spec.base_url is None:
            trial = _try_int8(spec, lambda _: read_texts())
            spec = dataclasses.replace(spec, precision=trial.precision if trial else "fp32")
        return *load(spec), trial

    def load_stored(self, row: sqlite3.Row) -> tuple[ModelSpec, Encoder]:
        """Load the encoder of a stored row of `models`, which need not be the current one. Raises
        ModelError, also if its fingerprint is not the stored one."""
        stored = specs.parse_spec(row["name"], row["options"])
        check_stored_spec(self._store, self._settings, stored)
        spec = resolve_spec(self._settings, stored)
        encoder = build(spec)
        if encoder.fingerprint != row["fingerprint"]:
            raise self._wrong_model(row, spec, encoder)
        return spec, encoder

    @contextlib.contextmanager
    def switching(self, spec: ModelSpec, encoder: Encoder, *, is_own: bool) -> Iterator[None]:
        """Use this encoder after the block, in which the collection is switched to it. Other
        threads load no encoder meanwhile. `is_own`: it is an object of the caller."""
        with self._loading:
            yield
            self.own_encoder = encoder if is_own else None
            self._loaded = None if is_own else (spec, encoder)

    def share_encoder(self, other: ModelSelection) -> None:
        """Reuse the encoder that `other` has loaded. `load_encoder` still compares it with the
        collection's stored model."""
        with self._loading:
            self._loaded = other._loaded

    def query_vector(self, encoder: Encoder, text: str) -> NDArray[np.float32]:
        """Return the vector of a query: (d,) float32, unit length, read-only. Vectors of the latest
        queries are cached."""
        key = (encoder.fingerprint, text)
        with self._caching:
            if key in self._vectors:
                self._vectors.move_to_end(key)
                return self._vectors[key]
        vector: NDArray[np.float32] = encoder.encode_queries([text])[0]
        vector.setflags(write=False)
        self._cache(encoder, {text: vector})
        return vector

    def query_vectors(self, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of queries: (n, d) float32, unit rows. Those that are not cached are
        encoded in one call."""
        import numpy as np  # not for `--help`

        if len(texts) == 1:
            return self.query_vector(encoder, texts[0])[None, :]
        vectors = {}
        with self._caching:
            for text in texts:
                if (cached := self._vectors.get((encoder.fingerprint, text))) is not None:
                    vectors[text] = cached
        if missing := [text for text in dict.fromkeys(texts) if text not in vectors]:
            vectors |= zip(missing, encoder.encode_queries(missing), strict=True)
            self._cache(encoder, {text: vectors[text] for text in missing[-MAX_CACHED_QUERIES:]})
        return np.stack([vectors[text] for text in texts])

    def _cache(self, encoder: Encoder, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        with self._caching:
            for text, vector in vectors.items():
                own = vector.copy()  # a row of a large array would keep all of it in memory
                own.setflags(write=False)
                self._vectors[encoder.fingerprint, text] = own
            while len(self._vectors) > MAX_CACHED_QUERIES:
                self._vectors.popitem(last=False)

    @staticmethod
    def truncation_warning(encoder: Encoder, queries: Sequence[str]) -> str | None:
        """Return the warning that queries are longer than the encoder's window; None if none is."""
        # Most queries are short, and no tokenizer makes two tokens of an ASCII character.
        unsure = [text for text in queries if not text.isascii() or 2 * len(text) > encoder.window]
        counts = encoder.count_tokens(unsure) if unsure else []
        too_long = [tokens for tokens in counts if tokens > encoder.window]
        if not too_long:
            return None
        subject = f"the query has {too_long[0]} tokens"
        if len(queries) > 1:
            subject = f"{len(too_long):,} of the queries have up to {max(too_long)} tokens"
        return f"{subject}; {encoder.name} reads the first {encoder.window} of them"

    def fingerprint_for_indexing(self, model: str | None, rebuild: bool) -> str:
        """Return the fingerprint of the encoder that `index` would use. Changes nothing. Raises
        ModelError as `set_collection_model`."""
        row = self._stored_model()
        replacement = self._replacement(row, model, rebuild)
        if replacement is None:
            assert row is not None  # noqa: S101 - without a stored model there is a replacement
            return str(row["fingerprint"])
        return replacement[1].fingerprint

    def decides_precision(self, model: str | None, rebuild: bool) -> bool:
        """Whether the settings leave the precision to a trial on the collection's texts: before
        its first vectors, or before a rebuild."""
        if self._settings.precision != AUTO_PRECISION or self._settings.base_url:
            return False
        name = model or self._settings.model
        if self.own_encoder is not None and name in (None, self.own_encoder.name):
            return False
        return rebuild or self._stored_model() is None

    def try_precision(
        self, model: str | None, read_texts: Callable[[Encoder], Sequence[str]]
    ) -> PrecisionTrial | None:
        """Return what int8 costs and saves on the texts that `read_texts` returns for an encoder;
        None if no engine computes the model in int8 as it should, or a GPU would compute it. Raises
        ModelError."""
        settings = dataclasses.replace(
            self._settings, model=model or self._settings.model, precision="fp32"
        )
        row = self._stored_model()
        stored = None if row is None else specs.parse_spec(row["name"], row["options"])
        spec = spec_from_settings(settings, stored)
        if settings.model is None and stored is None:
            _refuse_shadowed(spec.name)
        if stored is not None and spec.name == stored.name:
            check_stored_spec(self._store, settings, stored)
        return None if spec.base_url is not None else _try_int8(spec, read_texts)

    def set_collection_model(
        self, model: str | None, rebuild: bool, precision: str | None = None
    ) -> tuple[int, str]:
        """Store the encoder of `model`, or of the settings, as the collection's encoder if it is
        not yet. `precision`: instead of that of the settings.

        Returns its row id and fingerprint. `rebuild` deletes the stored vectors once the encoder is
        loaded. Raises ModelError if another model is stored and `rebuild` is not set.
        """
        row = self._stored_model()
        replacement = self._replacement(row, model, rebuild, precision)
        if replacement is None:
            assert row is not None  # noqa: S101 - without a stored model there is a replacement
            return row["id"], row["fingerprint"]
        spec, encoder = replacement
        with self._store.changing() as (connection, generation):
            if rebuild:
                passages.delete_vectors(connection, generation)
                files.clear_recipes(connection)
            model_id = passages.use_model(
                connection,
                encoder.name,
                encoder.fingerprint,
                encoder.dimension,
                encoder.window,
                spec.options,
            )
        if self.own_encoder is None:
            self._loaded = (dataclasses.replace(spec, name=encoder.name), encoder)
        return model_id, encoder.fingerprint

    def _replacement(
        self,
        row: sqlite3.Row | None,
        model: str | None,
        rebuild: bool,
        precision: str | None = None,
    ) -> tuple[ModelSpec, Encoder] | None:
        """The encoder that is to become the collection's, with its spec; None if the stored one in
        `row` stays, which is known without loading it.

        The encoder is loaded if the collection has none yet, if another model is named, and
        before a rebuild deletes anything.
        """
        settings = dataclasses.replace(
            self._settings,
            model=model or self._settings.model,
            precision=precision or self._settings.precision,
        )
        if self.own_encoder is not None and settings.model in (None, self.own_encoder.name):
            spec, encoder = ModelSpec(self.own_encoder.name), self.own_encoder
            if row is not None and row["fingerprint"] == encoder.fingerprint and not rebuild:
                return None
        else:
            stored = None if row is None else specs.parse_spec(row["name"], row["options"])
            spec = spec_from_settings(settings, stored)
            if row is not None and spec == stored and not rebuild:
                return None
            if stored is not None and spec.name == stored.name:
                check_stored_spec(self._store, settings, stored)
            elif settings.model is None:
                _refuse_shadowed(spec.name)
            spec = dataclasses.replace(spec, probe=None) if rebuild else spec
            spec, encoder = load(spec)
        if row is not None and row["fingerprint"] != encoder.fingerprint and not rebuild:
            raise self._wrong_model(row, spec, encoder)
        return spec, encoder

    def _stored_model(self) -> sqlite3.Row | None:
        with self._store.reading() as connection:
            return passages.model(connection)

    def _wrong_model(self, row: sqlite3.Row, spec: ModelSpec, encoder: Encoder) -> ModelError:
        stored = specs.parse_spec(row["name"], row["options"])
        spec = dataclasses.replace(spec, name=encoder.name)
        flags = f"--model {encoder.name}"
        if spec.dimensions or stored.dimensions:
            flags += f" --dimensions {encoder.dimension}"
        if spec.precision != stored.precision:
            flags += f" --precision {spec.precision}"
        return ModelError(
            f"this collection was made with the model {stored} (fingerprint "
            f"{row['fingerprint'][:12]}), not with {spec} ({encoder.fingerprint[:12]}). To read "
            "and embed everything again with the other: "
            f"ragkit -c {self._store.folder} index --rebuild {flags}"
        )


def spec_from_settings(settings: Settings, stored: ModelSpec | None) -> ModelSpec:
    """Return the spec that the settings ask for.

    If the settings name another model than `stored`, the spec starts from the defaults. For the
    same model, options that the settings do not name are kept. Raises UsageError for options that
    fit no model, ModelError as `resolve_spec`.
    """
    name = settings.model
    server = None if name and _is_folder(name) else settings.base_url
    if name and not server and not _is_folder(name):
        name = specs.expand_name(name)
    if stored is None or not (name is None or _is_name_of(stored, name)):
        if server and name is None:
            raise UsageError(
                f"{server} is named as base_url, but no model of it; name one with --model NAME"
            )
        spec = ModelSpec(name or DEFAULT_MODEL, base_url=server)
    elif name and server and not stored.base_url:
        spec = ModelSpec(name, base_url=server)  # a server's model of the same name
    else:
        spec = stored
    options = ["precision", "dimensions", *(["window", "tokenizer"] if spec.base_url else [])]
    values = {option: getattr(settings, option) for option in options}
    changes = {option: value for option, value in values.items() if value is not None}
    if changes.get("precision") == AUTO_PRECISION:
        del changes["precision"]  # a trial in `index` decides once; until then it is fp32
    return resolve_spec(settings, dataclasses.replace(spec, **changes))


def spec_for_inspection(
    settings: Settings, in_use: ModelSpec | None, named: str | None = None
) -> ModelSpec:
    """Return the spec of the model whose layers are to be inspected.

    It is the `named` model, else that `in_use` by a collection, else that of the settings. Raises
    UsageError for a model on a server, whose layers cannot be read.
    """
    if named is not None:
        return spec_from_settings(dataclasses.replace(settings, model=named, base_url=None), None)
    spec = in_use or spec_from_settings(settings, None)
    if spec.base_url is not None:
        raise UsageError(
            f"{spec} runs on a server, which returns neither layers nor words; name a local "
            "model: --model NAME"
        )
    return spec


def _is_folder(name: str) -> bool:
    """Whether a model's name is that of a folder; a folder never names a server's model."""
    folder = Path(name).expanduser()
    return any((folder / file).is_file() for file in ("config.json", "modules.json"))


def _is_name_of(spec: ModelSpec, name: str) -> bool:
    """Whether the name means the model of the spec: a spec contains a folder's absolute path."""
    return name == spec.name or str(Path(name).expanduser().resolve()) == spec.name


def resolve_spec(settings: Settings, spec: ModelSpec) -> ModelSpec:
    """Return the spec with the server's address and the name of the key's variable from the user's
    settings.

    Raises ModelError if only the collection names the address and it is on another machine.
    """
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
            "base_url in your config.toml (with api_key_env, if it needs a key)"
        )
    return spec


def check_stored_spec(store: Database, settings: Settings, stored: ModelSpec) -> None:
    """Raise ModelError if the encoder that the collection names may not be loaded.

    Every collection: a relative name is no folder in the working folder, which may be a checkout;
    folders are stored with absolute paths. Unless the user made or has trusted the collection, a
    server, or a model or tokenizer that would be downloaded, has to be named by the settings, too;
    in an untrusted collection, so has any model folder.
    """
    if stored.base_url is not None:
        names = [stored.tokenizer] if stored.tokenizer else []
        configured = settings.tokenizer
    else:
        names = [stored.name]
        configured = settings.model and specs.expand_name(settings.model)
    for name in names:
        if configured is None or name != configured:
            _refuse_shadowed(name)
    if store.trust is TrustLevel.OWN:
        return
    import shlex  # not for most queries

    trust = f"ragkit trust {shlex.quote(str(store.folder))}"
    if stored.base_url is not None and settings.base_url is None:
        raise ModelError(
            f"the collection's model {stored} is on a server that your settings do not name. If "
            f"your text may go there: RAGKIT_BASE_URL={stored.base_url} ragkit …; if you trust "
            f"the authors of {store.folder}: {trust}"
        )
    for name in names:
        if configured is None or not _is_same_name(configured, name):
            _refuse_unless_here(name, store.is_untrusted, trust)


def _refuse_shadowed(name: str) -> None:
    """Raise ModelError for a name that the user did not type if it means a folder in the working
    folder."""
    if not Path(name).is_absolute() and _is_folder(name):
        raise ModelError(
            f"the working folder contains a model folder {name!r}, and the model {name} is meant. "
            f"Change to another folder; or to use that folder: --model ./{name}"
        )


def _is_same_name(configured: str, name: str) -> bool:
    return configured == name or str(Path(configured).expanduser().resolve()) == name


def _refuse_unless_here(name: str, is_untrusted: bool, trust: str) -> None:
    """Raise ModelError for a model that would be downloaded, or in an untrusted collection for a
    folder."""
    from ragkit.encoders import resolve as resolve_model

    is_path = Path(name).expanduser().is_absolute()
    if is_path and not is_untrusted:
        return
    if is_path:
        reason = "is a folder on this machine that your settings do not name"
    elif resolve_model.find_local(name) is not None:
        return
    else:
        reason = "is not on this machine and would be downloaded"
    import shlex

    raise ModelError(
        f"the collection's model {name!r} {reason}. To use it: RAGKIT_MODEL={shlex.quote(name)} "
        f"ragkit …; if you trust the authors of the collection: {trust}"
    )


def _try_int8(
    spec: ModelSpec, read_texts: Callable[[Encoder], Sequence[str]]
) -> PrecisionTrial | None:
    """Return what int8 costs and saves for a model in fp32; None as `ModelSelection.try_precision`
    does."""
    from ragkit.encoders.engines.cpu_threads import has_gpu_driver
    from ragkit.models.precision import try_int8

    if has_gpu_driver():
        return None
    exact = build(spec)
    with contextlib.suppress(ModelError):  # where fp32 fails too, encoding raises it again
        coarse = build(dataclasses.replace(spec, precision="int8"))
        return try_int8(exact, coarse, read_texts(exact))
    return None


def load(spec: ModelSpec) -> tuple[ModelSpec, Encoder]:
    """Load the encoder of a spec. Return it with the spec, completed with the server's probe
    vector.

    Makes one request if the model runs on a server. Raises ModelError.
    """
    if spec.base_url is not None:
        from ragkit.encoders import remote_encoder

        spec = remote_encoder.probe_server(spec)
    return spec, build(spec)


def build(spec: ModelSpec) -> Encoder:
    """Return the encoder of a complete spec, which for a server includes the probe vector. Raises
    ModelError."""
    if spec.base_url is not None:
        from ragkit.encoders.remote_encoder import RemoteEncoder

        return RemoteEncoder(spec)
    from ragkit.encoders import resolve as resolve_model

    return resolve_model.load(spec)
