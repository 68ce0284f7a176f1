"""A seccomp filter for Linux: refuses connections, programs, files opened for writing, and signals
to other processes.

The filter is a classic BPF program that the kernel runs at each system call of this process; it
cannot be removed. On processors other than the two listed here, and in kernels without seccomp,
only the resource limits of `processes` apply.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import NamedTuple

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of classic BPF
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _PROCESSOR = 0, 4  # offsets in the kernel's struct seccomp_data
_ARGUMENT = (16, 24, 32)  # and of the lower halves of the first arguments
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000
_X32 = 0x40000000  # from here on, second numbers of the same calls on x86_64


class _Calls(NamedTuple):
    """A processor's audit number and its system call numbers, from the kernel's unistd.h."""

    processor: int
    refused: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]  # call, and which of its arguments has the open flags
    killing: tuple[int, ...]  # allowed on this process only
    clone: int
    clone3: int


_PROCESSORS = {
    "x86_64": _Calls(
        0xC000003E,
        (
            *(41, 57, 58, 59, 322),  # socket, fork, vfork, execve, execveat
            *(101, 200, 310, 311, 424, 425),  # ptrace, tkill, process_vm_*, pidfd, io_uring
            *(76, 77, *range(82, 89), *range(90, 95), 133, 188, 189),  # truncate, rename, chmod …
            *(258, 259, 260, *range(263, 267), 268, 280, 316, 437),  # the same with "at"
        ),
        ((2, 1), (257, 2)),
        (62, 234),
        56,
        435,
    ),
    "aarch64": _Calls(
        0xC00000B7,
        (
            *(198, 221, 281),  # socket, execve, execveat
            *(117, 130, 270, 271, 424, 425),
            *(5, 6, *range(33, 39), 45, 46, *range(52, 56), 88, 276, 437),
        ),
        ((56, 2),),
        (129, 131),
        220,
        435,
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("then", ctypes.c_uint8),
        ("otherwise", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def install_filter() -> bool:
    """Install the filter for this process, irrevocably.

    Returns whether it is in force: False on other processors and kernels without seccomp.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    filter_program = _build_filter(os.uname().machine)
    if filter_program is None:
        return False
    instructions = (_Instruction * len(filter_program))(
        *(_Instruction(*values) for values in filter_program)
    )
    program = _Program(len(filter_program), instructions)
    result: int = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return result == 0


def _build_filter(machine: str) -> list[tuple[int, int, int, int]] | None:
    """The BPF instructions: (code, jump if true, jump if false, value) each."""
    if machine not in _PROCESSORS:
        return None
    calls = _PROCESSORS[machine]
    denied = (_RETURN, 0, 0, _ERROR | errno.EPERM)
    allowed = (_RETURN, 0, 0, _ALLOW)
    program = [
        (_LOAD, 0, 0, _PROCESSOR),
        (_EQUAL, 1, 0, calls.processor),
        denied,
        (_LOAD, 0, 0, _NUMBER),
    ]
    program += [(_AT_LEAST, 0, 1, _X32), denied]
    for number in calls.refused:
        program += [(_EQUAL, 0, 1, number), denied]
    for number, argument in calls.opening:
        program += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _ARGUMENT[argument])]
        program += [(_ANY_BIT, 0, 1, _WRITING), denied, allowed]
    for number in calls.killing:  # it may end itself
        program += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _ARGUMENT[0])]
        program += [(_EQUAL, 1, 0, os.getpid()), denied, allowed]
    # C libraries start threads by `clone` where `clone3` does not exist.
    program += [(_EQUAL, 0, 4, calls.clone), (_LOAD, 0, 0, _ARGUMENT[0])]
    program += [(_ANY_BIT, 1, 0, _CLONE_THREAD), denied, allowed]
    program += [(_EQUAL, 0, 1, calls.clone3), (_RETURN, 0, 0, _ERROR | errno.ENOSYS), allowed]
    return program
