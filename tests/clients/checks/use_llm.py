"""The `llm` command with the server as one of its models."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from checking import ANSWER, MODEL_URL, QUESTION, URL, check, run

folder = Path(tempfile.mkdtemp())
MODEL = """\
- model_id: {name}
  model_name: default
  api_base: "{url}"
  supports_schema: true
  supports_tools: true
"""
(folder / "extra-openai-models.yaml").write_text(
    MODEL.format(name="handbook", url=URL) + MODEL.format(name="with-model", url=MODEL_URL)
)


def llm(*arguments):
    environment = {**os.environ, "LLM_USER_PATH": str(folder), "OPENAI_API_KEY": "none"}
    done = subprocess.run(
        ["llm", *arguments], env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@check
def prompt():
    assert ANSWER in llm("-m", "handbook", QUESTION)


@check
def prompt_without_streaming():
    assert ANSWER in llm("-m", "handbook", "--no-stream", QUESTION)


@check
def conversation_goes_on():
    llm("-m", "handbook", QUESTION)
    assert llm("-c", QUESTION)


@check
def system_prompt():
    assert ANSWER in llm("-m", "handbook", "-s", "be brief", QUESTION)


@check
def schema():
    found = json.loads(llm("-m", "with-model", "--schema", "duration, weeks int", QUESTION))
    assert found["weeks"] == 26


@check
def tool():
    code = "def weather(city: str) -> str:\n    return 'sunny'\n"
    assert ANSWER in llm("-m", "with-model", "--functions", code, QUESTION)


run()
