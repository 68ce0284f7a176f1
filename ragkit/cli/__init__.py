"""The command line: parses arguments, calls the collection, prints. Contains no logic of its own.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 nothing found, 2 wrong usage
or input, 3 the collection or model cannot be used, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ragkit.errors import RagkitError, UnavailableError

NOTHING_FOUND, WRONG_USAGE, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 130


def run() -> NoReturn:
    """Run `main` and end the process without the interpreter's clean-up.

    Garbage collection while modules are imported takes 40 ms of a query, finalization at exit
    another 40 ms; the operating system frees the memory anyway.
    """
    gc.set_threshold(100_000, 20, 20)
    try:
        code = main()
        sys.stdout.flush()
    except SystemExit as error:  # of argparse
        code = error.code if isinstance(error.code, int) else WRONG_USAGE
    except BrokenPipeError:
        code = 0
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` (default: that of the process) names; return its exit code."""
    from ragkit.cli.arguments.parser import parser
    from ragkit.cli.output.terminal import print_message

    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a document may contain characters that the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    argv = (sys.argv[1:] if argv is None else argv) or ["--help"]
    arguments = parser(argv).parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except RagkitError as error:
        if getattr(arguments, "debug", False):
            raise
        print_message(str(error), lines=True)
        return UNAVAILABLE if isinstance(error, UnavailableError) else WRONG_USAGE
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal shows ^C at the end of its line
        print_message(
            "interrupted; finished work is kept, and the same command continues from there"
        )
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output, `head` for example, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        if getattr(arguments, "debug", False) or isinstance(error, SystemExit):
            raise
        if isinstance(error, MemoryError):
            print_message(
                "not enough memory; close other programs, index fewer files at once, or use a "
                "smaller model. Finished work is kept"
            )
            return UNAVAILABLE
        kind = type(error).__name__
        details = f": {error}" if isinstance(error, Exception) else ""  # not Rust's debug text
        print_message(
            f"unexpected {kind}{details}. `ragkit --debug …` shows the traceback; please report it"
        )
        return UNAVAILABLE
