"""Collections behind a server: in this process, or on a free port of loopback with real sockets."""

import contextlib
import socket
import threading
import time
from functools import partial

import pytest
import uvicorn
from starlette.testclient import TestClient

from ragkit import Collection, Settings
from ragkit.serving.app import ServerOptions, create_app
from ragkit.serving.collections.library import Library
from ragkit.serving.transport import json_http
from ragkit.serving.transport.timeouts import TimeoutProtocol


@pytest.fixture
def ask(collection, folder):
    """Calls a tool of a server over the three notes; gives the result as the client sees it."""
    from tests.serving.clients import call

    collection.index(folder)
    return partial(call, collection)


@pytest.fixture
def make_library(tmp_path, encoder):
    """A library of collections: name → folder of documents."""
    libraries = []

    def make(**folders):
        collections = {}
        for name, folder in folders.items():
            settings = Settings(passage_tokens=40, overlap=0.0)
            where = tmp_path / "kits" / name
            collections[name] = Collection(where, settings=settings, encoder=encoder)
            collections[name].index(folder)
        libraries.append(Library(collections))
        return libraries[-1]

    yield make
    for library in libraries:
        library.close()


@pytest.fixture
def library(make_library, folder):
    return make_library(default=folder)


@pytest.fixture
def connect():
    """A client of an application that runs in this process."""
    with contextlib.ExitStack() as stack:

        def connect(library, rules=None, **how):
            application = create_app(library, rules or ServerOptions())
            client = TestClient(application, base_url="http://localhost", **how)
            return stack.enter_context(client)

        yield connect


@pytest.fixture
def body_begun(monkeypatch):
    """An event that is set when the server begins to read the body of a request."""
    begun, read_body = threading.Event(), json_http.read_body

    async def read(*arguments):
        begun.set()
        return await read_body(*arguments)

    monkeypatch.setattr(json_http, "read_body", read)
    return begun


@pytest.fixture
def client(connect, library):
    return connect(library)


@pytest.fixture
def listen():
    """The address of an application that listens on loopback."""
    with contextlib.ExitStack() as stack:
        yield lambda application: stack.enter_context(listening(application))


@contextlib.contextmanager
def listening(application):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(application, log_level="error", lifespan="on", http=TimeoutProtocol)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
