"""litellm: its client, and its proxy in front of the server."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import litellm
import openai
from checking import ANSWER, MODEL_URL, QUESTION, URL, check, run
from pydantic import BaseModel

ASKED = [{"role": "user", "content": QUESTION}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
MASTER_KEY = "sk-proxy"


class Leave(BaseModel):
    duration: str
    weeks: int


def complete(url=URL, **options):
    return litellm.completion(
        model="openai/default", api_base=url, api_key="none", messages=ASKED, max_retries=0,
        **options,
    )  # fmt: skip


@check
def completion():
    assert ANSWER in complete().choices[0].message.content


@check
def completion_streamed():
    parts = [chunk.choices[0].delta.content or "" for chunk in complete(stream=True)]
    assert ANSWER in "".join(parts)


@check
async def completion_asynchronous():
    response = await litellm.acompletion(
        model="openai/default", api_base=URL, api_key="none", messages=ASKED
    )
    assert ANSWER in response.choices[0].message.content


@check
def usage():
    assert complete().usage.total_tokens > 0


@check
def embedding():
    result = litellm.embedding(model="openai/default", api_base=URL, api_key="none", input=["x"])
    assert len(result.data[0]["embedding"]) == 384


@check
def responses():
    response = litellm.responses(
        model="openai/default", api_base=URL, api_key="none", input=QUESTION
    )
    assert ANSWER in str(response.output)


@check
def tools_of_the_model():
    message = complete(MODEL_URL, tools=[TOOL]).choices[0].message
    assert message.tool_calls[0].function.name == "weather"


@check
def structured_output():
    text = complete(MODEL_URL, response_format=Leave).choices[0].message.content
    assert Leave.model_validate_json(text).weeks == 26


@contextlib.contextmanager
def proxy():
    """OpenAI's client of a running proxy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp())
    (folder / "config.yaml").write_text(
        "model_list:\n"
        f"  - model_name: handbook\n    litellm_params: {{model: openai/default, api_base: {URL}, "
        "api_key: none}\n"
        f"general_settings: {{master_key: {MASTER_KEY}}}\n"
    )
    command = ["litellm", "--config", str(folder / "config.yaml"), "--port", str(port),
               "--host", "127.0.0.1"]  # fmt: skip
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{address}/health/liveliness").status_code == 200:
                    break
            assert time.monotonic() < deadline, "the proxy did not start"
            assert process.poll() is None, "the proxy ended"
            time.sleep(0.5)
        with openai.OpenAI(base_url=f"{address}/v1", api_key=MASTER_KEY, max_retries=0) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


@check
def chat_and_embeddings_through_the_proxy():
    with proxy() as client:
        response = client.chat.completions.create(model="handbook", messages=ASKED)
        assert ANSWER in response.choices[0].message.content
        stream = client.chat.completions.create(model="handbook", messages=ASKED, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert ANSWER in text
        vectors = client.embeddings.create(model="handbook", input=["x"], encoding_format="float")
        assert len(vectors.data[0].embedding) == 384


run()
