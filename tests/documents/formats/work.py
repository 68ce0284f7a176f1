"""Counts the work of a reader without a clock: the lines of Python that it executes."""

from __future__ import annotations

import sys


def executed_lines(function, *arguments):
    """Call `function` and return how many lines of Python code ran until it returned."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(previous)
    return count


def growth(function, make_input, size):
    """Return work(4 * size) / work(size): about 4 for linear time, 16 for quadratic time."""
    return executed_lines(function, make_input(4 * size)) / executed_lines(
        function, make_input(size)
    )
