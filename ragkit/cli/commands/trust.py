"""`ragkit trust`: accept a collection and a project file that came with a checkout."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from ragkit import trust as trust_list
from ragkit.cli.commands.locate import LOCAL_FOLDER, locate_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.storage.sqlite.database import FILE_NAME


def trust(arguments: Namespace) -> int:
    """Run `ragkit trust`; return its exit code."""
    if arguments.list:
        return _list(arguments)
    collection, project = _find(arguments)
    if collection is None and project is None:
        folder = arguments.folder or Path.cwd()
        raise UsageError(
            f"nothing to trust in {folder}: neither a collection nor a {trust_list.PROJECT_FILE}"
        )
    fields = _revoke(collection, project) if arguments.revoke else _trust(collection, project)
    if arguments.json:
        render.print_json(fields)
        return 0
    verb = "no longer trusted" if arguments.revoke else "trusted"
    for path in (fields["collection"], fields["project_file"]):
        if path is not None:
            print(f"{verb}: {to_printable(str(path))}")
    for name, value in (("roots", fields.get("roots")), ("model", fields.get("model"))):
        if value:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            print(f"  its {name}: {to_printable(text)}")
    return 0


def _find(arguments: Namespace) -> tuple[Path | None, Path | None]:
    """The collection's folder and the project file that are meant. Reads no settings: a project
    file that is not trusted would be refused."""
    named = arguments.folder or getattr(arguments, "collection", None)
    named = named or os.environ.get("RAGKIT_COLLECTION")
    if named is not None:
        collection = locate_collection(named)
        folders: tuple[Path, ...] = (Path(named).expanduser(),)
    else:
        working_folder = Path.cwd()
        folders = (working_folder, *working_folder.parents)
        candidates = (parent / LOCAL_FOLDER for parent in folders)
        collection = next(
            (path for path in candidates if (path / FILE_NAME).exists()), working_folder
        )
    projects = (folder / trust_list.PROJECT_FILE for folder in folders)
    project = next((path for path in projects if path.is_file()), None)
    is_there = (collection / FILE_NAME).exists() or Collection.is_sharded(collection)
    return collection if is_there else None, project


def _trust(folder: Path | None, project: Path | None) -> dict[str, object]:
    roots: list[str] = []
    model = None
    if folder is not None:
        with Collection(folder, create=False, notify=print_message) as collection:
            collection.trust()
            roots, model = list(collection.status().roots), collection.model()
    if project is not None:
        trust_list.record_project(trust_list.canonical(project.parent))
    return {
        "collection": None if folder is None else str(folder.absolute()),
        "project_file": None if project is None else str(project.absolute()),
        "roots": roots,
        "model": None if model is None else str(model),
    }


def _revoke(folder: Path | None, project: Path | None) -> dict[str, object]:
    paths = [path for path in (folder, project and project.parent) if path is not None]
    for path in paths:
        trust_list.forget(trust_list.canonical(path))
    return {
        "collection": None if folder is None else str(folder.absolute()),
        "project_file": None if project is None else str(project.absolute()),
    }


def _list(arguments: Namespace) -> int:
    collections, projects = trust_list.entries(), trust_list.project_folders()
    if arguments.json:
        rows = [entry._asdict() for entry in collections]
        render.print_json({"collections": rows, "projects": projects})
        return 0
    for entry in collections:
        print(to_printable(f"{entry.path}  {entry.how} {entry.since}"))
    for path in projects:
        print(to_printable(f"{path}/{trust_list.PROJECT_FILE}  trusted"))
    if not collections and not projects:
        print_message("nothing is trusted yet")
    return 0
