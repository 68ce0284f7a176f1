"""A collection of the three notes, and its tools as a client calls them."""

import importlib.util
from functools import partial

import pytest

if importlib.util.find_spec("mcp") is None:
    collect_ignore_glob = ["test_mcp*.py"]


@pytest.fixture
def ask(collection, folder):
    """Calls a tool of a server over the three notes; gives the result as the client sees it."""
    from tests.serving.clients import call

    collection.index(folder)
    return partial(call, collection)
