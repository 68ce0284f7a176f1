"""Background work: priority, and pauses on battery."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ragkit.maintenance.background import CHECK_SECONDS, PowerPause, is_on_battery

MAINS_ON, MAINS_OFF = {"type": "Mains", "online": "1"}, {"type": "Mains", "online": "0"}
DISCHARGING, CHARGING = (
    {"type": "Battery", "status": status} for status in ("Discharging", "Charging")
)


@pytest.mark.skipif(sys.platform != "linux", reason="the files are those of Linux")
@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ([], False),
        ([MAINS_ON], False),
        ([MAINS_OFF, DISCHARGING], True),
        ([DISCHARGING], True),
        ([CHARGING], False),
        ([MAINS_ON, DISCHARGING], False),  # a weak charger
        ([DISCHARGING, {"type": "USB", "online": "1"}], False),
        ([DISCHARGING | {"scope": "Device"}], False),  # a mouse
        ([{}], False),
    ],
)
def test_the_power_supplies_of_linux(tmp_path, supplies, expected):
    for number, files in enumerate(supplies):
        (tmp_path / str(number)).mkdir()
        for name, value in files.items():
            (tmp_path / str(number) / name).write_text(value + "\n")
    assert is_on_battery(tmp_path) is expected
    assert is_on_battery(tmp_path / "missing") is False


class Power:
    """A battery that is in use at some times of a clock that only sleeping and `now` move."""

    def __init__(self, *on_battery):
        self.now, self.looks, self.on_battery = 0.0, 0, on_battery

    def read(self):
        self.looks += 1
        return any(start <= self.now < end for start, end in self.on_battery)

    def sleep(self, seconds):
        self.now += seconds


def test_a_pause_lasts_until_mains_power_is_back():
    power, said = Power((25, 60)), []
    pause = PowerPause(said.append, power.read, lambda: power.now, power.sleep)
    pause.wait()
    assert (power.now, said, power.looks) == (0, [], 1)
    pause.wait()
    assert power.looks == 1  # no look before the time
    power.now = 30
    pause.wait()
    assert 60 <= power.now <= 60 + CHECK_SECONDS
    assert said == [
        "paused: the computer runs on battery; indexing goes on with mains power",
        "mains power is back; indexing goes on",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the priorities are those of Linux")
def test_the_process_and_its_children_get_the_lowest_priority():
    program = (
        "import os, subprocess, sys\n"
        "from ragkit.maintenance.background import lower_priority\n"
        "lower_priority()\n"
        "ask = 'import os; print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)'\n"
        "subprocess.run([sys.executable, '-c', ask], check=True)\n"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["19", "True"]
