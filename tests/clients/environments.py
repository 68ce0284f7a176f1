"""The environments of the clients: virtual environments and node_modules below `build/clients`.

An environment is made from pins only: `requirements/NAME.txt` for Python, `node/NAME/` with its
package-lock.json for Node. It is kept, and made again when its pins change. Clients that use
ragkit within the same process also get the light installation (requirements/light.txt), unless
their own pins name what ragkit needs.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
LIGHT = PROJECT / "requirements" / "light.txt"
FOLDER = PROJECT / "build" / "clients"
INSTALL_SECONDS = 1_800


class EnvironmentFailedError(Exception):
    """An environment could not be made."""


@dataclass(frozen=True)
class Client:
    """A client: what is installed for it, and the program that uses it."""

    name: str  # of its pins and of its program in checks/
    title: str  # in the table
    packages: tuple[str, ...]  # whose versions the table shows
    kind: str = "python"  # or node
    with_ragkit: bool = False  # in the same process
    takes_light: bool = True  # ragkit's own packages are those of requirements/light.txt
    runs_suite: bool = False  # the package brings the checks; there is no program in checks/

    @property
    def pins(self) -> Path:
        """The file that pins everything in the environment."""
        if self.kind == "node":
            return HERE / "node" / self.name / "package-lock.json"
        return HERE / "requirements" / f"{self.name}.txt"

    @property
    def program(self) -> Path:
        """The program that uses the client."""
        return HERE / "checks" / f"use_{self.name}.{'mjs' if self.kind == 'node' else 'py'}"

    @property
    def folder(self) -> Path:
        """The folder of the environment."""
        return FOLDER / self.name


CLIENTS = (
    Client("conformance", "MCP conformance suite", ("@modelcontextprotocol/conformance",), "node",
           runs_suite=True),
    Client("inspector", "MCP inspector", ("@modelcontextprotocol/inspector",), "node"),
    Client("mcp_python", "MCP client for Python", ("mcp",)),
    Client("mcp_typescript", "MCP client for TypeScript", ("@modelcontextprotocol/sdk",), "node"),
    Client("fastmcp", "fastmcp", ("fastmcp",)),
    Client("openai_python", "openai for Python", ("openai",)),
    Client("openai_node", "openai for Node", ("openai",), "node"),
    Client("vercel_ai", "Vercel AI SDK", ("ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible"),
           "node"),
    Client("langchain", "LangChain, with langchain-tests",
           ("langchain-core", "langchain-openai", "langchain-tests"), with_ragkit=True),
    Client("langchain_mcp", "LangChain's MCP adapters", ("langchain-mcp-adapters", "mcp")),
    Client("langchain_js", "LangChain.js", ("@langchain/core", "@langchain/openai"), "node"),
    Client("llama_index", "LlamaIndex",
           ("llama-index-core", "llama-index-llms-openai-like"), with_ragkit=True),
    Client("haystack", "Haystack", ("haystack-ai",), with_ragkit=True),
    Client("openai_agents", "openai-agents", ("openai-agents",)),
    Client("pydantic_ai", "pydantic-ai", ("pydantic-ai-slim",)),
    Client("instructor", "instructor", ("instructor",)),
    Client("litellm", "litellm, client and proxy", ("litellm",)),
    Client("llm", "the llm command", ("llm",)),
    Client("sentence_transformers", "sentence-transformers, the lowest version declared",
           ("sentence-transformers", "transformers"), with_ragkit=True, takes_light=False),
)  # fmt: skip


def ensure(client: Client) -> None:
    """Make the environment of a client, unless it has these pins already.

    Raises EnvironmentFailedError with the last lines of what the installer said.
    """
    stamp = client.folder / "pins"
    pins = _digest(client)
    if stamp.is_file() and stamp.read_text() == pins:
        return
    shutil.rmtree(client.folder, ignore_errors=True)
    client.folder.mkdir(parents=True)
    if client.kind == "node":
        _make_node(client)
    else:
        _make_python(client)
    stamp.write_text(pins)


def python_of(client: Client) -> Path:
    """The interpreter of a client's virtual environment."""
    bin_folder = "Scripts" if sys.platform == "win32" else "bin"
    return client.folder / bin_folder / "python"


def node_of(client: Client) -> Path:
    """The Node that runs a client: that of its environment, else that of this machine."""
    own = client.folder / "node_modules" / "node" / "bin" / "node"
    return own if own.is_file() else Path(shutil.which("node") or "node")


def read_versions(client: Client) -> dict[str, str]:
    """Return package → version, as pinned, of those that the table shows."""
    if client.kind == "node":
        import json

        packages = json.loads(client.pins.read_text())["packages"]
        return {name: packages[f"node_modules/{name}"]["version"] for name in client.packages}
    pins = dict(
        line.partition(";")[0].strip().split("==")
        for line in client.pins.read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    return {name: pins[name] for name in client.packages}


def _digest(client: Client) -> str:
    content = client.pins.read_bytes()
    if client.with_ragkit and client.takes_light:
        content += LIGHT.read_bytes()
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def _make_python(client: Client) -> None:
    _run([sys.executable, "-m", "venv", str(client.folder)], PROJECT)
    pip = [str(python_of(client)), "-m", "pip", "install", "--quiet", "--no-deps",
           "--disable-pip-version-check"]  # fmt: skip
    files = [client.pins, *([LIGHT] if client.with_ragkit and client.takes_light else [])]
    _run([*pip, *(part for file in files for part in ("--requirement", str(file)))], PROJECT)
    if client.with_ragkit:
        _run([*pip, "--editable", str(PROJECT)], PROJECT)


def _make_node(client: Client) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(client.pins.parent / name, client.folder / name)
    _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], client.folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise EnvironmentFailedError(
            f"{' '.join(command[:4])} … ended with {done.returncode}: {done.stderr[-1_000:]}"
        )
