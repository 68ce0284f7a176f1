"""Links from hits to their files, for terminals that show them (OSC 8).

https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda describes the sequence.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from ragkit.records.hits import Hit

# Programs by the value or the existence of a variable that they set.
_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio", "WarpTerminal")
_TERMS = ("kitty", "alacritty", "foot", "ghostty", "wezterm", "contour")
_VARIABLES = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_MIN_VTE = 5000  # the release 0.50 of the library of GNOME's terminals


def shows_links(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether to write links to this stream: a terminal that is known to show them.

    FORCE_HYPERLINK decides, where it is set: 0 is no, anything else is yes. NO_COLOR is no.
    """
    if (forced := environment.get("FORCE_HYPERLINK", "")) != "":
        return forced != "0"
    if not stream.isatty() or environment.get("NO_COLOR") or "TMUX" in environment:
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in _PROGRAMS
        or any(name in environment.get("TERM", "") for name in _TERMS)
        or any(environment.get(name) for name in _VARIABLES)
        or (vte.isdigit() and int(vte) >= _MIN_VTE)
    )


def file_links(hits: Sequence[Hit]) -> Sequence[str | None]:
    """Return the address of each hit's file; () where standard output shows no links.

    A file that has changed or is gone has no link, and neither has a hit of a server.
    """
    if not shows_links(sys.stdout, os.environ):
        return ()
    return [_file_link(hit) for hit in hits]


def _file_link(hit: Hit) -> str | None:
    if hit.stale or not hit.root:
        return None
    path = Path(hit.root, hit.path)
    # The path of a record, as in an archive, leads through its file.
    file = next((part for part in (path, *path.parents) if part.is_file()), None)
    return None if file is None or not file.is_absolute() else file.as_uri()
