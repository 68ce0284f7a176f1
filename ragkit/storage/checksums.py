"""Which index files of a collection are what was written.

Contract: a file is read through for its checksum once, and then known by its seal for as long as
the process lives; what was found damaged stays so until it is written again. Shared by whoever
reads index files and whoever writes them. Knows nothing of what is in them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ragkit.storage.atomic_files import checked, folder_checksum
from ragkit.storage.sqlite.changes import IndexFile


class Seals:
    """What is known of the index files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: set[IndexFile] = set()  # as long as nobody has written them again
        # Good ones by kind, under another stamp than recorded: a copy of the collection has them.
        self.resealed: dict[str, IndexFile] = {}
        self._intact: dict[str, str] = {}  # by name, what proves it

    def written(self, file: IndexFile) -> None:
        """This process has just written the file."""
        self._intact[file.name] = file.checksum

    def file(self, kind: str, file: IndexFile) -> Path:
        """Where the file lies, which is what was written. Raises ValueError where not, OSError."""
        path = self.folder / file.name
        seal = checked(path, self._intact.get(file.name, file.checksum))
        self._intact[file.name] = seal
        if seal != file.checksum:
            self.resealed[kind] = replace(file, checksum=seal)
        return path

    def files(self, file: IndexFile) -> Path:
        """The same of a folder of files, which has no stamp: read once a process."""
        path = self.folder / file.name
        if self._intact.get(file.name) != file.checksum:
            if folder_checksum(path) != file.checksum:
                raise ValueError(f"{file.name} is damaged: its checksum is not the recorded one")
            self._intact[file.name] = file.checksum
        return path
