"""Write ragkit's entry and skill into the configuration of a coding agent, or remove them.

A file is changed by its text, so that comments, order and format stay; it is replaced atomically,
and its old content is kept beside it (`NAME.before-ragkit`). Running it again changes nothing. An
entry or a skill of the same name that ragkit has not written is left alone, unless `force` is set.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.agents import config_text
from ragkit.agents.clients import CLIENTS, AgentClient
from ragkit.errors import UnavailableError, UsageError

BACKUP_SUFFIX = ".before-ragkit"
_SKILL_FILE = "SKILL.md"
_MARK = "<!-- written by: ragkit install-agent -->"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is written or deleted, or stays."""

    path: Path
    old: str | None  # None: there is no file
    new: str | None  # None: the file is deleted

    @property
    def action(self) -> str:
        """What happens: created, changed, deleted or unchanged."""
        if self.old == self.new:
            return "unchanged"
        if self.old is None:
            return "created"
        return "deleted" if self.new is None else "changed"

    def diff(self) -> str:
        """Return the change as a unified diff."""
        lines = difflib.unified_diff(
            (self.old or "").splitlines(keepends=True),
            (self.new or "").splitlines(keepends=True),
            str(self.path),
            str(self.path),
        )
        return "".join(lines)


def find_client(name: str) -> AgentClient:
    """Return the agent of this name. Raises UsageError with the names that are known."""
    if name not in CLIENTS:
        nearest = difflib.get_close_matches(name, CLIENTS, n=1)
        hint = f" (did you mean {nearest[0]}?)" if nearest else ""
        raise UsageError(f"no agent is called {name!r}{hint}; expected one of {', '.join(CLIENTS)}")
    return CLIENTS[name]


def plan_install(
    client: AgentClient, name: str, command: Sequence[str], *, force: bool = False
) -> list[FileChange]:
    """Return the changes that make the agent start `command` as its MCP server `name`, and give it
    the skill. Writes nothing. Raises UsageError for an entry that is not ragkit's."""
    path, old = _read(client.config())
    entry = dict(client.entry(command))
    with _naming(path):
        existing = config_text.entry_of(_parse(client, old or ""), client.table, name)
        if existing is not None and not force and not is_own(existing):
            raise UsageError(
                f"it has an entry {name!r} that ragkit has not written; to replace it: --force; or "
                "choose another: --name NAME"
            )
        if existing == entry:
            new = old
        elif client.is_toml:
            new = config_text.set_toml_entry(old or "", client.table, name, entry)
        else:
            new = config_text.set_json_entry(old or "", client.table, name, entry)
    changes = [FileChange(path, old, new)]
    if client.skills is not None:
        skill_path, skill = _read(client.skills() / "ragkit" / _SKILL_FILE)
        if skill is not None and _MARK not in skill and not force:
            raise UsageError(f"{skill_path} is not ragkit's; to replace it: --force")
        changes.append(FileChange(skill_path, skill, _skill_text()))
    return changes


def plan_removal(client: AgentClient, name: str, *, force: bool = False) -> list[FileChange]:
    """Return the changes that remove the entry `name` and the skill. Writes nothing. Raises
    UsageError for an entry that is not ragkit's."""
    path, old = _read(client.config())
    changes = []
    with _naming(path):
        values = _parse(client, old or "")
        existing = config_text.entry_of(values, client.table, name)
        if existing is not None and old is not None:
            if not force and not is_own(existing):
                raise UsageError(
                    f"its entry {name!r} is not ragkit's; to remove it nevertheless: --force"
                )
            remove = (
                config_text.remove_toml_entry if client.is_toml else config_text.remove_json_entry
            )
            changes.append(FileChange(path, old, remove(old, client.table, name)))
            others = values[client.table].items()
            if any(key != name and is_own(entry) for key, entry in others):
                return changes  # another entry of ragkit needs the skill
    if client.skills is not None:
        skill_path, skill = _read(client.skills() / "ragkit" / _SKILL_FILE)
        if skill is not None and (_MARK in skill or force):
            changes.append(FileChange(skill_path, skill, None))
    return changes


def apply(changes: Sequence[FileChange]) -> None:
    """Write the changes. Raises UnavailableError if a file cannot be written."""
    for change in changes:
        try:
            if change.old == change.new:
                continue
            if change.new is None:
                change.path.unlink()
                with contextlib.suppress(OSError):  # it is not empty
                    change.path.parent.rmdir()
            else:
                _write(change.path, change.new, keep_backup=change.path.name != _SKILL_FILE)
        except OSError as error:
            raise UnavailableError(
                f"cannot write {change.path}: {error.strerror or error}"
            ) from error


def _write(path: Path, text: str, *, keep_backup: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = None
    if path.exists():
        mode = path.stat().st_mode & 0o777
        if keep_backup:
            shutil.copy2(path, path.with_name(path.name + BACKUP_SUFFIX))
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(path: Path) -> tuple[Path, str | None]:
    """Return the path, with links followed, and the text; None if there is no file. Raises
    UsageError for text that is not UTF-8, UnavailableError if it cannot be read."""
    real = Path(os.path.realpath(path))
    try:
        with real.open(encoding="utf-8", newline="") as file:  # line ends stay as they are
            return real, file.read()
    except (FileNotFoundError, NotADirectoryError):
        return real, None
    except UnicodeDecodeError as error:
        raise UsageError(f"{real} is not UTF-8; expected a configuration file") from error
    except OSError as error:
        raise UnavailableError(f"cannot read {real}: {error.strerror or error}") from error


def _parse(client: AgentClient, text: str) -> dict[str, Any]:
    return config_text.parse_toml(text) if client.is_toml else config_text.parse_json(text)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in the errors of its text."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path}: {error}; nothing was changed") from None


def is_own(entry: object) -> bool:
    """Whether an entry starts `ragkit … mcp`."""
    if not isinstance(entry, dict):
        return False
    command = entry.get("command")
    words = list(command) if isinstance(command, list) else [command, *entry.get("args", [])]
    words = [word for word in words if isinstance(word, str)]
    starts = any(Path(word.replace("\\", "/")).stem == "ragkit" for word in words)
    return starts and words[-1:] == ["mcp"]


def _skill_text() -> str:
    text = Path(__file__).with_name(_SKILL_FILE).read_text(encoding="utf-8")
    return f"{text}\n{_MARK}\n"
