"""`python -m tests.clients`: run unmodified clients against ragkit's servers; print the table.

Each client has an environment of its own, which is made when it is first needed (minutes, with a
package registry). Clients for Node are left out where npm is not installed. Exits with 1 if a check
failed without a known reason. `--ragkit` measures another ragkit with the same checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.environments import (
    CLIENTS,
    HERE,
    Client,
    EnvironmentFailedError,
    ensure,
    node_of,
    python_of,
    read_versions,
)
from tests.clients.results import Check, read_checks, read_conformance, reason, unexpected
from tests.clients.servers import run_servers, write_collections

CHECK_SECONDS = 600  # for all checks of one client
_NAMES = [client.name for client in CLIENTS]

parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_NAMES)}; all")
parser.add_argument(
    "--ragkit",
    type=Path,
    help="the program to measure, PROJECT/.venv/bin/ragkit; that of this environment",
)
parser.add_argument("--json", type=Path, help="write all checks to this file")


def main() -> int:
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(_NAMES):
        parser.error(f"no client is called {', '.join(unknown)}; expected {', '.join(_NAMES)}")
    ragkit = arguments.ragkit or Path(sys.executable).with_name("ragkit")
    selected = [
        client for client in CLIENTS if not arguments.names or client.name in arguments.names
    ]
    if shutil.which("npm") is None:
        print("npm is not installed: the clients for Node are left out", file=sys.stderr)
        selected = [client for client in selected if client.kind != "node"]
    results: dict[str, list[Check]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        write_collections(ragkit, Path(temporary))
        with run_servers(ragkit, Path(temporary)) as addresses:
            for client in selected:
                print(f"{client.title} …", file=sys.stderr, flush=True)
                results[client.name] = _run_client(client, addresses, Path(temporary))
                _report_failures(client, results[client.name])
    if arguments.json:
        rows = {name: [vars(check) for check in checks] for name, checks in results.items()}
        arguments.json.write_text(json.dumps(rows, indent=1))
    print(format_table(selected, results))
    return int(any(unexpected(name, checks) for name, checks in results.items()))


def _run_client(client: Client, addresses: Mapping[str, str], folder: Path) -> list[Check]:
    """Run the checks of one client; a client that cannot be installed or run is a failed check."""
    output = folder / f"{client.name}.checks"
    try:
        ensure(client)
        command, results_folder = _command(client, addresses, folder)
        done = subprocess.run(
            command, cwd=client.folder, env=_environment(client, addresses, output),
            capture_output=True, text=True, timeout=CHECK_SECONDS, check=False,
        )  # fmt: skip
    except (EnvironmentFailedError, subprocess.TimeoutExpired, OSError) as error:
        return [Check("the client runs", passed=False, detail=str(error)[-500:])]
    if client.runs_suite:
        checks = read_conformance(results_folder)
    else:
        checks = read_checks(output) if output.is_file() else []
    if not checks or (done.returncode and not client.runs_suite):
        detail = (done.stderr or done.stdout)[-500:]
        checks.append(Check("the client runs", passed=False, detail=detail))
    return checks


def _command(client: Client, addresses: Mapping[str, str], folder: Path) -> tuple[list[str], Path]:
    if client.runs_suite:
        suite = client.folder / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        saved = folder / "conformance"
        return [str(node_of(client)), str(suite), "server", "--url", addresses["CHECK_MCP_URL"],
                "--suite", "all", "--output-dir", str(saved)], saved  # fmt: skip
    if client.kind == "node":  # modules are found from the folder of the program
        for file in (client.program, HERE / "checks" / "checking.mjs"):
            shutil.copy(file, client.folder / file.name)
        return [str(node_of(client)), str(client.folder / client.program.name)], folder
    return [str(python_of(client)), str(client.program)], folder


def _environment(client: Client, addresses: Mapping[str, str], output: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAGKIT_", "OPENAI_", "PYTHON"))
    }
    bin_folder = python_of(client).parent if client.kind == "python" else node_of(client).parent
    # Within the same process it is the measured ragkit, too.
    imports = {"PYTHONPATH": addresses["CHECK_PROJECT"]} if client.with_ragkit else {}
    return {
        **kept,
        **addresses,
        **imports,
        "PATH": os.pathsep.join([str(bin_folder), kept.get("PATH", "")]),
        "CHECKS": str(output),
        "OPENAI_API_KEY": "none",
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
    }


def _report_failures(client: Client, checks: Sequence[Check]) -> None:
    for check in unexpected(client.name, checks):
        print(f"FAILED {client.name}: {check.name}: {check.detail}", file=sys.stderr, flush=True)


def format_table(clients: Sequence[Client], results: Mapping[str, Sequence[Check]]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| client | versions | passed | the others |", "|---|---|---|---|"]
    for client in clients:
        checks = results[client.name]
        versions = ", ".join(f"{name} {version}" for name, version in read_versions(client).items())
        failed = [check for check in checks if not check.passed]
        reasons: dict[str, int] = {}
        for check in failed:
            why = reason(client.name, check) or f"FAILED: {check.name}"
            reasons[why] = reasons.get(why, 0) + 1
        others = "; ".join(f"{count} {why}" for why, count in reasons.items())
        passed = f"{len(checks) - len(failed)} of {len(checks)}"
        lines.append(f"| {client.title} | {versions} | {passed} | {others} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
