"""The results of the checks of one client, and the failures that are known, with their reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NOT_OFFERED = "not offered: "
# (client, beginning of a check's name) → reason. A check that fails for another reason is an error.
KNOWN: dict[tuple[str, str], str] = {}
# MCP's conformance suite: (scenario, check, both as regular expressions) → reason. Most scenarios
# call tools, prompts and resources that only the suite's own example server has.
CONFORMANCE: tuple[tuple[str, str], ...] = (
    (r"(tools-call-(image|audio|embedded-resource|mixed-content)|json-schema-2020-12)",
     NOT_OFFERED + "the suite's example tools; ragkit's tools return text and JSON"),
    (r"tools-call-with-progress",
     NOT_OFFERED + "the suite's example tool; no tool here runs long enough to report progress"),
    (r"(tools-call-with-logging|logging-set-level)", NOT_OFFERED + "logging to the client"),
    (r"(tools-call-sampling|tools-call-elicitation|elicitation-|input-required-result|"
     r"server-stateless)",
     NOT_OFFERED + "sampling, elicitation and roots: no tool asks the client for anything"),
    (r"completion-complete", NOT_OFFERED + "completion of arguments"),
    (r"(prompts-|caching)", NOT_OFFERED + "prompts"),
    (r"resources-(read-text|read-binary|templates-read)",
     NOT_OFFERED + "the suite's example resources (test://…)"),
    (r"resources-(subscribe|unsubscribe)", NOT_OFFERED + "subscriptions to resources"),
    (r"tasks-", NOT_OFFERED + "tasks, an extension: every call ends within one request"),
    (r"http-custom-header-server-validation",
     NOT_OFFERED + "tools whose parameters travel in headers (x-mcp-header)"),
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One check: what it is about, whether it passed, and why not."""

    name: str
    passed: bool
    detail: str = ""


def reason(client: str, check: Check) -> str | None:
    """Return why a failure is known to be none of ragkit; None if it is not known."""
    if client == "conformance":
        scenario = check.name.partition(" | ")[0]
        return next((why for name, why in CONFORMANCE if re.match(name, scenario)), None)
    for (name, beginning), why in KNOWN.items():
        if name == client and check.name.startswith(beginning):
            return why
    return None


def read_checks(file: Path) -> list[Check]:
    """Return the checks that a program wrote, one JSON object a line."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    return [Check(row["name"], row["passed"], row.get("detail", "")) for row in rows]


def read_conformance(folder: Path) -> list[Check]:
    """Return the checks in the results that the conformance suite saved.

    Those that it counts: passed and failed; not those it skips or only notes.
    """
    checks = []
    for file in sorted(folder.glob("*/checks.json")):
        scenario = re.sub(r"-\d{4}-\d\d-\d\dT.*", "", file.parent.name).removeprefix("server-")
        for row in json.loads(file.read_text(encoding="utf-8")):
            if row["status"] in ("SUCCESS", "FAILURE"):
                name = f"{scenario} | {row['id']}"
                passed = row["status"] == "SUCCESS"
                checks.append(Check(name, passed, str(row.get("errorMessage") or "")[:300]))
    return checks


def unexpected(client: str, checks: Iterable[Check]) -> list[Check]:
    """Return the failures without a known reason."""
    return [check for check in checks if not check.passed and reason(client, check) is None]
