"""Open what -c names: one collection, or several as one group."""

from __future__ import annotations

import contextlib
import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit import settings as configuration
from ragkit.cli.arguments.collection import named_collections
from ragkit.cli.commands.locate import LOCAL_FOLDER, locate_collection
from ragkit.cli.output.terminal import print_message
from ragkit.collection import Collection
from ragkit.errors import UsageError

if TYPE_CHECKING:
    from ragkit.collection_group import CollectionGroup

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def load_settings(arguments: Namespace) -> configuration.Settings:
    """Return the settings, overridden by the flags of this command."""
    return load_with_origins(arguments)[0]


def load_with_origins(arguments: Namespace) -> tuple[configuration.Settings, dict[str, str]]:
    """Return the settings as `load_settings` does, and where each that is set comes from."""
    names = (
        "collection", "model", "precision", "dimensions", "mode", "fusion", "top_k", "records",
        "reranker", "secrets", "nice",
    )  # fmt: skip
    flags = {name: getattr(arguments, name, None) for name in names}
    return configuration.load_with_origins(flags=flags)


def open_collection(
    arguments: Namespace, *, create: bool = False, notify: Callable[[str], None] = print_message
) -> Collection:
    """Open the collection that the flags, the environment or the folder name.

    Raises UsageError if the flags name several: the command works on one.
    """
    if len(named := named_collections(arguments)) > 1:
        raise UsageError(f"-c is given {len(named)} times; this command works on one collection")
    settings, origins = load_with_origins(arguments)
    folder = locate_or_address(settings.collection)
    return Collection(
        folder, create=create, settings=settings, notify=notify, chosen_settings=origins
    )


@contextlib.contextmanager
def open_group(
    arguments: Namespace, notify: Callable[[str], None] = print_message
) -> Iterator[CollectionGroup]:
    """Open what every -c names, as DIR or NAME=DIR; without -c the usual collection.

    A DIR is called by its folder's name, made unique: notes, notes-2. Raises UsageError if a name
    occurs twice.
    """
    from ragkit.collection_group import CollectionGroup

    named = named_collections(arguments)
    with contextlib.ExitStack() as stack:
        if len(named) < 2:
            collection = stack.enter_context(open_collection(arguments, notify=notify))
            yield CollectionGroup({"default": collection})
            return
        settings, origins = load_with_origins(arguments)
        collections: dict[str, Collection] = {}
        for argument in named:
            name, folder = split_name(argument)
            path = Path(folder) if Collection.is_address(folder) else locate_collection(folder)
            if name is None:
                home = path.parent if path.name == LOCAL_FOLDER else path
                name = _unique(home.absolute().name, collections)
            elif name in collections:
                raise UsageError(f"{name} occurs twice; each collection needs a name of its own")
            collections[name] = stack.enter_context(
                Collection(
                    locate_or_address(folder),
                    create=False,
                    settings=settings,
                    notify=notify,
                    chosen_settings=origins,
                )
            )
        yield CollectionGroup(collections)


def locate_or_address(named: str | None) -> str | Path:
    """Return the folder of `locate_collection`, or the address of object storage that is named."""
    if named is not None and Collection.is_address(named):
        return named
    return locate_collection(named)


def split_name(argument: str) -> tuple[str | None, str]:
    """Return name and folder of NAME=DIR; None and the folder of DIR."""
    name, sign, folder = argument.partition("=")
    if sign and folder and _NAME.fullmatch(name) and not os.path.exists(argument):  # noqa: PTH110
        return name, folder
    return None, argument


def _unique(folder: str, taken: dict[str, Collection]) -> str:
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-.")[:60] or "collection"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
