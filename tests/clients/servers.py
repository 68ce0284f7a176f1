"""What the clients talk to: two small collections, and the servers of one ragkit in front of them.

The ragkit is named by its program, so that an older one can be measured with the same checks.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.clients.stand_in_model import run_stand_in

START_SECONDS = 240
DOCUMENTS = {
    "handbook/leave.md": "# Leave\n\n## Parental leave\n\nParents may be absent for up to 26 weeks "
    "in the first two years of a child's life.\n\n## Sick leave\n\nA doctor's note is needed from "
    "the fourth day.\n",
    "handbook/keys.md": "# Signing keys\n\nThe signing keys are rotated every ninety days. "
    "The old key stays valid for a week.\n",
    "handbook/travel.txt": "Travel expenses are paid within thirty days. Keep every receipt.\n",
    # U+2028 and U+0085: some clients end a line of an event stream there.
    "handbook/printers.md": "# Printers\n\nThe printer on the second floor\u2028prints in colour."
    " Its toner\u0085is kept in room 214.\n",
    "recipes/bread.md": "# Bread\n\nKnead the dough for ten minutes and let it rest for an hour.\n",
    "recipes/soup.md": "# Soup\n\nSimmer the lentils for twenty minutes with bay leaves.\n",
}


def write_collections(ragkit: Path, folder: Path) -> None:
    """Write the documents below `folder` and index them: `handbook.ragkit`, `recipes.ragkit`."""
    for name, text in DOCUMENTS.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in ("handbook", "recipes"):
        command = [str(ragkit), "-c", str(folder / f"{name}.ragkit"), "index", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True, env=_environment({}))


@contextmanager
def run_servers(ragkit: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Start all servers; yield the environment variables that name them to a client's program."""
    handbook, recipes = folder / "handbook.ragkit", folder / "recipes.ragkit"
    with ExitStack() as stack:
        model = stack.enter_context(run_stand_in())
        llm = {
            "RAGKIT_LLM_BASE_URL": model,
            "RAGKIT_LLM_MODEL": "stand-in",
            "RAGKIT_LLM_CONTEXT_TOKENS": "32768",
        }

        def start(arguments: list[str], environment: Mapping[str, str] | None = None) -> str:
            command = [str(ragkit), *arguments, "--port", "0"]
            return stack.enter_context(_started(command, _environment(environment or {})))

        one = ["-c", str(handbook)]
        yield {
            "CHECK_URL": start([*one, "serve"]),
            "CHECK_MODEL_URL": start([*one, "serve"], llm),
            "CHECK_SEVERAL_URL": start(["serve", f"handbook={handbook}", f"recipes={recipes}"]),
            "CHECK_MCP_URL": start([*one, "mcp", "--http"]),
            "CHECK_PROGRAM": str(ragkit),
            "CHECK_PROJECT": str(ragkit.absolute().parents[2]),
            "CHECK_FOLDER": str(handbook),
        }


def _environment(others: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKIT_")}
    return {**kept, "HF_HUB_OFFLINE": "1", **others}


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Run a server; yield its address, which it prints when it listens."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield _read_address(process)
    finally:
        process.terminate()
        process.communicate()


def _read_address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    deadline = time.monotonic() + START_SECONDS
    said = ""
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if not line:
            break
        said += line
        if address := re.search(r"http://[\d.]+:\d+(?:/\w+)?", line):
            return address[0]
    raise RuntimeError(f"the server did not start: {said[-500:]}")
