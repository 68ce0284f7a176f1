"""The command line: parses, calls the collection, renders. Holds no logic of its own.

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
    """The program: `main`, and an end without ceremony.

    Looking for garbage while modules load takes 40 ms of a query, and taking the interpreter apart
    at its end as many; what it would give back the system takes anyway.
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
    """Run one command; returns its exit code."""
    from ragkit.cli.arguments.parser import parser
    from ragkit.cli.output.terminal import tell

    for stream in (sys.stdout, sys.stderr):  # a document may hold what the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(argv).parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except RagkitError as error:
        if getattr(arguments, "debug", False):
            raise
        tell(str(error), lines=True)
        return UNAVAILABLE if isinstance(error, UnavailableError) else WRONG_USAGE
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal shows ^C at the end of its line
        tell("interrupted; what was done is kept, the same command goes on from there")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if getattr(arguments, "debug", False):
            raise
        kind = type(error).__name__
        tell(f"unexpected {kind}: {error}. `ragkit --debug …` shows where; please report it")
        return UNAVAILABLE
