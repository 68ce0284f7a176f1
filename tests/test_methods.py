"""Methods made from methods."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pytest

from ragkit import Collection
from ragkit.methods import awaitable, to_its_end


def test_a_method_runs_on_another_thread_with_its_arguments():
    def where(first, *, second):
        return first, second, threading.current_thread()

    first, second, thread = asyncio.run(awaitable(where)(1, second=2))
    assert (first, second) == (1, 2)
    assert thread is not threading.main_thread()


def test_what_help_shows_is_the_signature_it_has():
    search, asearch = inspect.signature(Collection.search), inspect.signature(Collection.asearch)
    assert list(search.parameters) == list(asearch.parameters)
    assert inspect.signature(Collection.ask).return_annotation == "Answer"
    assert (Collection.ask.__name__, Collection.aask.__name__) == ("ask", "aask")
    assert Collection.asearch.__qualname__ == "Searching.asearch"


def test_a_stream_that_ends_in_something_else_is_an_error():
    def x_stream():
        yield "text"

    with pytest.raises(TypeError, match="x_stream ended in 'text'"):
        to_its_end(x_stream)()
