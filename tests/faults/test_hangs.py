"""A process hangs by what it does, not by how long a busy machine lets it take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.faults import hangs
from tests.faults.hangs import Use, Watch, use_of
from tests.faults.processes import Ended, readable

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_process_that_works_slowly_does_not_hang():
    watch = Watch(1)
    looks = [watch.judge(Use(number * 0.06, False), number * 3.0) for number in range(500)]
    assert set(looks) == {None}


def test_a_process_that_waits_for_a_processor_or_a_disk_does_not_hang():
    watch = Watch(1)
    looks = [watch.judge(Use(0.5, True), number * 3.0) for number in range(500)]
    assert set(looks) == {None}


def test_a_process_without_work_hangs_and_one_that_wakes_up_in_time_does_not():
    watch = Watch(1)
    uses = [Use(0.5, False)] * hangs.IDLE_LOOKS + [Use(2.5, False)] * hangs.IDLE_LOOKS
    assert {watch.judge(use, 1.0) for use in uses} == {None}
    assert watch.judge(Use(2.5, False), 1.0) == "does nothing any more, after 2.5 s of CPU time"


def test_a_process_that_only_polls_hangs():
    watch = Watch(1)
    looks = [watch.judge(Use(number * 0.005, False), 1.0) for number in range(100)]
    assert "does nothing any more, after 0.3 s of CPU time" in looks


def test_endless_loops_hang():
    assert Watch(1).judge(Use(hangs.MAX_CPU + 1, True), 10.0) == "has used 301 s of CPU time"
    wakes_up = Watch(1).judge(Use(5.0, False), hangs.MAX_WALL + 1)
    assert wakes_up == "is not finished after 1801 s"


@linux
def test_the_work_of_a_process_is_that_of_its_descendants():
    loop = "print(flush=True)\nwhile True: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {loop!r}])"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        parent.stdout.readline()
        before = use_of(parent.pid)
        assert before.active  # its child runs or waits for a processor
        while use_of(parent.pid).cpu < before.cpu + 0.05:
            assert parent.poll() is None
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()


@linux
def test_a_process_that_waits_uses_nothing():
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        watch = Watch(process.pid)
        while watch.judge(use_of(process.pid), 1.0) is None:  # soon it only waits
            assert process.poll() is None
        process.kill()
    assert use_of(process.pid) == Use(0.0, False)  # it has ended


def test_a_complaint_keeps_the_stack_and_drops_the_list_of_modules():
    module = "/usr/lib/python3.11/threading.py"
    output = (
        f'Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n  File "{module}", '
        'line 1 in wait\n  File "/x/site-packages/tantivy/a.py", line 2 in commit\n\nExtension '
        f"modules: {', '.join(['numpy.core'] * 400)} (total: 400)\n"
    )
    complaint = Ended(None, None, signal.SIGABRT, "does nothing", output, {}).complaint
    assert complaint == (
        "hangs (does nothing): Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):"
        '\n  File "lib/python3.11/threading.py", line 1 in wait\n'
        '  File "site-packages/tantivy/a.py", line 2 in commit'
    )
    assert len(readable("x" * 100_000)) < 7000
