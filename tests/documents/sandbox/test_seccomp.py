"""The seccomp filter: which system calls a worker may not make."""

import os
import sys

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.sandbox import seccomp

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits this")


def reason(sandbox, data):
    (record,) = sandbox.read(detect(data, "a.pdf"))
    return record.reason


@linux
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.mkdir('/tmp/made')",
        "import os; os.unlink(__import__('pypdfium2').__file__)",
        "import os, sys; os.rename(sys.path[0], sys.path[0] + 'x')",
    ],
)
def test_the_worker_cannot_start_programs_or_open_connections(create_sandbox, python_pdf, code):
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("system calls are known for two processors only")
    assert reason(create_sandbox(), python_pdf(code)).startswith("cannot be read: PermissionError")


@linux
def test_the_worker_cannot_write_files(create_sandbox, python_pdf, tmp_path):
    target = tmp_path / "written"
    message = reason(create_sandbox(), python_pdf(f"open('{target}', 'w').write(9 * 'x')"))
    assert message.startswith("cannot be read: PermissionError")
    assert not target.exists()


def run_filter(program, processor, number, *arguments):
    """Interpret the BPF program; return its answer for a system call."""
    memory = {0: number, 4: processor} | dict(zip((16, 24, 32), arguments, strict=False))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            accumulator = memory.get(value, 0)
        elif code == 0x06:  # BPF_RET | BPF_K
            return value
        else:
            tests = {0x15: accumulator == value, 0x35: accumulator >= value}  # JEQ, JGE
            tests[0x45] = bool(accumulator & value)  # JSET
            at += if_true if tests[code] else if_false


# Numbers from the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h.
READ = {"x86_64": 0, "aarch64": 63}
SOCKET = {"x86_64": 41, "aarch64": 198}
OPENAT = {"x86_64": 257, "aarch64": 56}
KILL = {"x86_64": 62, "aarch64": 129}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, EPERM = 0x7FFF0000, 0x00050001


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other open flags")
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_writing_and_connecting_and_allows_reading(machine):
    program, arch = seccomp._build_filter(machine), AUDIT_ARCH[machine]
    own, other = os.getpid(), os.getpid() + 1
    assert run_filter(program, arch, READ[machine]) == ALLOW
    assert run_filter(program, arch, SOCKET[machine]) == EPERM
    assert run_filter(program, arch, OPENAT[machine], 0, 0, os.O_RDONLY) == ALLOW
    assert run_filter(program, arch, OPENAT[machine], 0, 0, os.O_WRONLY) == EPERM
    assert run_filter(program, arch, OPENAT[machine], 0, 0, os.O_CREAT) == EPERM
    assert run_filter(program, arch, KILL[machine], own) == ALLOW
    assert run_filter(program, arch, KILL[machine], other) == EPERM
    assert run_filter(program, 0x40000003, READ[machine]) == EPERM  # the calls of i386
    assert run_filter(program, arch, 0x40000000) == EPERM  # the calls of x32


def test_there_is_no_filter_for_other_processors():
    assert seccomp._build_filter("riscv64") is None
