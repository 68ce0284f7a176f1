"""Debian's Chromium, driven by Playwright; what pages log and ask for is recorded."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock

INSTALLS = ("CI", "INSTALL_CHROMIUM")  # environment variables that allow it
SECONDS = 600  # for the installation
SOFTWARE = "GPU stall due to ReadPixels"  # WebGL without a graphics card copies its pictures
REFUSED = "Failed to load resource: the server responded with a status of "


def chromium():
    """The program, installed where that is allowed; else the test is skipped."""
    if path := shutil.which("chromium"):
        return path
    may_install = os.geteuid() == 0 and shutil.which("apt-get")
    if not may_install or not any(map(os.environ.get, INSTALLS)):
        pytest.skip(f"no chromium on the PATH; as root on Debian, {INSTALLS[1]}=1 installs it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Tests run in several processes, and only one may install.
    with FileLock(Path(tempfile.gettempdir()) / f"ragkit-chromium-{os.getuid()}.lock"):
        if path := shutil.which("chromium"):
            return path
        for command in ("update", "install -y --no-install-recommends chromium"):
            subprocess.run(
                ["apt-get", "-qq", *command.split()], check=True, timeout=SECONDS, env=environment
            )
    return shutil.which("chromium")


@dataclass
class Watched:
    """What pages did that a calm page does not, and where their requests went."""

    problems: list[str] = field(default_factory=list)  # console errors, violations of the policy
    statuses: list[int] = field(default_factory=list)  # of answers that were refusals
    addresses: list[str] = field(default_factory=list)

    def watch(self, context):
        """Record all pages of a browser context."""
        context.on("console", self._logged)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", lambda request: self.addresses.append(request.url))
        context.on("dialog", lambda dialog: self.problems.append(dialog.message))

    def _logged(self, message):
        if message.text.startswith(REFUSED):
            self.statuses.append(int(message.text.removeprefix(REFUSED)[:3]))
        elif message.type in ("error", "warning") and SOFTWARE not in message.text:
            self.problems.append(message.text)
