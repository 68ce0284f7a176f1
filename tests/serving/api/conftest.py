"""OpenAI's own client, unmodified, against a server on a free port."""

import pytest

from ragkit.serving.app import ServerOptions, create_app

TOKEN = "a-token-of-some-length"


@pytest.fixture
def openai_client(library, listen):
    openai = pytest.importorskip("openai", reason="the client is not installed")
    address = listen(create_app(library, ServerOptions(token=TOKEN)))
    with openai.OpenAI(base_url=f"{address}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client
