"""The command line: parses, calls the collection, renders. Holds no logic of its own.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 nothing found, 2 wrong usage
or input, 3 the collection or model cannot be used, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ragkit.errors import RagkitError, UnavailableError

NOTHING_FOUND, WRONG_USAGE, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    from ragkit.cli.parser import parser
    from ragkit.cli.printing import tell

    for stream in (sys.stdout, sys.stderr):  # a document may hold what the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except RagkitError as error:
        if getattr(arguments, "debug", False):
            raise
        tell(str(error))
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
