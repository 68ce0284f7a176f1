"""Work that leaves the computer to others: the lowest priority, and none on battery.

Contract: `lower_priority` is called before the process has threads, which inherit it, as do child
processes. `PowerPause.wait` returns at once on mains power. Knows nothing of collections.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECK_SECONDS = 10.0  # between looks at the power supply
_LINUX_SUPPLIES = Path("/sys/class/power_supply")
_LOWEST_NICE = 19
_IDLE_PRIORITY_CLASS = 0x40  # of Windows


def lower_priority() -> None:
    """Give this process the lowest priority that the system has, for good. Where the system refuses
    it, the priority stays."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _IDLE_PRIORITY_CLASS)
        return
    with contextlib.suppress(OSError):
        os.nice(_LOWEST_NICE)
    if sys.platform == "linux":
        # With nice alone, work that waits for a core gets a twentieth less of it for each thread.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def is_on_battery(supplies: Path = _LINUX_SUPPLIES) -> bool:
    """Whether the computer runs on its battery. False where it has none or the system does not
    say. `supplies` is the folder in which Linux describes power supplies."""
    if sys.platform == "win32":
        return _is_on_battery_windows()
    if sys.platform == "darwin":
        return _is_on_battery_macos()
    is_discharging = False
    with contextlib.suppress(OSError):
        for supply in supplies.iterdir():
            kind = _read(supply / "type")
            if kind != "Battery" and _read(supply / "online") == "1":
                return False
            # The batteries of mice and headsets have the scope "Device".
            is_discharging |= (
                kind == "Battery"
                and _read(supply / "status") == "Discharging"
                and _read(supply / "scope") != "Device"
            )
    return is_discharging


def _read(path: Path) -> str:
    """The line in a small file; "" if it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _is_on_battery_macos() -> bool:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            ["/usr/bin/pmset", "-g", "batt"], capture_output=True, text=True, timeout=5, check=True
        ).stdout
        return "'Battery Power'" in said
    return False


def _is_on_battery_windows() -> bool:
    import ctypes

    status = (ctypes.c_ubyte * 12)()  # SYSTEM_POWER_STATUS; the first byte is ACLineStatus
    if not ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status)):  # type: ignore[attr-defined, unused-ignore]
        return False
    return status[0] == 0


class PowerPause:
    """Waits while the computer runs on battery.

    `reads_battery` says whether it does (default: `is_on_battery`); `clock` returns seconds, and
    `sleep` waits that long. `notify` is called with one line when a pause begins and when it ends.
    """

    def __init__(
        self,
        notify: Callable[[str], None],
        reads_battery: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._notify, self._reads_battery = notify, reads_battery or is_on_battery
        self._clock, self._sleep = clock, sleep
        self._next_check: float | None = None

    def wait(self) -> None:
        """Return when the computer has mains power. Looks at most every `CHECK_SECONDS`."""
        if self._next_check is not None and self._clock() < self._next_check:
            return
        if self._reads_battery():
            self._notify("paused: the computer runs on battery; indexing goes on with mains power")
            while self._reads_battery():
                self._sleep(CHECK_SECONDS)
            self._notify("mains power is back; indexing goes on")
        self._next_check = self._clock() + CHECK_SECONDS
