"""Run the checks of a client and write what each gave to the file named in CHECKS.

Runs in the client's environment: only the standard library.
"""

import asyncio
import inspect
import json
import os
import traceback
from pathlib import Path

URL, MODEL_URL = os.environ["CHECK_URL"] + "/v1", os.environ["CHECK_MODEL_URL"] + "/v1"
SEVERAL_URL = os.environ["CHECK_SEVERAL_URL"] + "/v1"
MCP_URL = os.environ["CHECK_MCP_URL"]
MCP_COMMAND = (os.environ["CHECK_PROGRAM"], "-c", os.environ["CHECK_FOLDER"], "mcp")
FOLDER = os.environ["CHECK_FOLDER"]
QUESTION = "how long may parents be absent?"
ANSWER = "26 weeks"
_checks = []


def check(function):
    """Register a check: it fails if the function raises."""
    _checks.append(function)
    return function


def raises(kind, function, text=""):
    """Check that a call raises this error, with this text in its message."""
    try:
        result = function()
    except kind as error:
        assert text.lower() in str(error).lower(), f"{error} does not say {text!r}"
        return error
    raise AssertionError(f"{result!r} instead of {kind.__name__}")


def run():
    with Path(os.environ["CHECKS"]).open("w", encoding="utf-8") as file:
        for function in _checks:
            name = function.__name__.replace("_", " ")
            row = {"name": name, "passed": True}
            try:
                result = function()
                if inspect.isawaitable(result):
                    asyncio.run(asyncio.wait_for(result, 120))
            except BaseException as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                detail = f"{type(error).__name__}: {error} (line {last.lineno}, {last.line})"
                row |= {"passed": False, "detail": detail[:600]}
            file.write(json.dumps(row) + "\n")
            file.flush()
