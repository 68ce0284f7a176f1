"""Make the manual page ragkit(1) from the parser whenever a wheel is built."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds build/ragkit.1 to the wheel, as share/man/man1/ragkit.1."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the page. Needs only the standard library: the parser imports nothing else."""
        sys.path.insert(0, self.root)
        try:
            from ragkit.cli.arguments.parser import parser
            from ragkit.cli.output.man_page import format_man_page
        finally:
            sys.path.remove(self.root)
        page = Path(self.root, "build", "ragkit.1")
        page.parent.mkdir(exist_ok=True)
        page.write_text(format_man_page(parser()), encoding="utf-8")
        build_data["shared_data"][str(page)] = "share/man/man1/ragkit.1"
