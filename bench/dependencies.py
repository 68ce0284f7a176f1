"""What ragkit depends on: `python -m bench.dependencies licences|light|audit`.

`licences` writes docs/dependencies.md from pyproject.toml and the packages that are installed.
`light` writes requirements/light.txt: what the default encoder, the server and MCP need, without
torch and sentence-transformers and what only these need.
`audit` asks pip-audit for known vulnerabilities of the installed packages, and says so where its
service cannot be reached. The bill of materials is written by `make sbom`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "dependencies.md"
LIGHT = REPOSITORY / "requirements" / "light.txt"
CONSTRAINTS = REPOSITORY / "constraints.txt"
LIGHT_PARTS = ("", "model", "server", "mcp")  # of `declared`
NOT_LIGHT = frozenset({"torch", "sentence-transformers"})
_ON_WINDOWS = ("colorama==0.4.6", "pywin32==311")  # needed by tqdm and mcp, on Windows alone
TOOLS = ("test", "dev")  # extras that no user needs
_OWN_NAME = "ragkit-search"
_MAX_LICENCE = 60  # characters; a longer field is the text of the licence itself


@dataclass(frozen=True, slots=True)
class Dependency:
    """An installed package: its version, its licence, and the parts of ragkit that need it."""

    name: str
    version: str
    licence: str
    parts: tuple[str, ...]
    is_declared: bool


def declared() -> dict[str, list[Requirement]]:
    """Return the requirements in pyproject.toml: the part of ragkit ("" for every installation,
    else an extra) → its requirements."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        part: [
            requirement
            for requirement in map(Requirement, texts)
            if canonicalize_name(requirement.name) != _OWN_NAME
        ]
        for part, texts in parts.items()
    }


def dependencies() -> list[Dependency]:
    """Return all packages that ragkit and its extras need, direct and indirect, by name."""
    parts_by_name: dict[str, set[str]] = {}
    direct: set[str] = set()
    for part, requirements in declared().items():
        direct |= {canonicalize_name(requirement.name) for requirement in requirements}
        for name in _closure(requirements):
            parts_by_name.setdefault(name, set()).add(part)
    order = list(declared())
    return [
        Dependency(
            name,
            metadata.version(name),
            licence(metadata.metadata(name)),
            tuple(sorted(parts, key=order.index)),
            name in direct,
        )
        for name, parts in sorted(parts_by_name.items())
    ]


def _closure(
    requirements: Iterable[Requirement], without: Collection[str] = frozenset()
) -> set[str]:
    """The names of the installed packages that the requirements need; `without` those named, and
    those that only they need."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(requirement, frozenset[str]()) for requirement in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker is not None and not any(
            marker.evaluate({"extra": extra}) for extra in (extras or {""})
        ):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in found or key[0] in without:
            continue
        try:
            needed = metadata.requires(key[0]) or []
        except metadata.PackageNotFoundError:  # for another system, or not installed here
            continue
        found.add(key)
        waiting += [(Requirement(text), key[1]) for text in needed]
    return {name for name, _ in found}


def light() -> str:
    """Return the text of requirements/light.txt, with the versions of constraints.txt."""
    requirements = [text for part in LIGHT_PARTS for text in declared()[part]]
    markers = {canonicalize_name(text.name): text.marker for text in requirements if text.marker}
    lines = []
    for name in sorted(_closure(requirements, NOT_LIGHT) - {"pip"}):
        marker = f"; {markers[name]}" if name in markers else ""
        lines.append(f"{name}=={pins()[name]}{marker}")
    lines += [f'{pin}; sys_platform == "win32"' for pin in _ON_WINDOWS]
    return (
        "# The light installation: index, query, ask, serve, mcp with the default encoder.\n"
        "# Without torch and sentence-transformers; with dependencies, pip would add them again:\n"
        "#   pip install --no-deps -r requirements/light.txt\n"
        "#   pip install --no-deps .\n"
        "# Written by: python -m bench.dependencies light\n" + "\n".join(lines) + "\n"
    )


def pins() -> dict[str, str]:
    """Return the versions of constraints.txt, by canonical name."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


def licence(fields: Mapping[str, str]) -> str:
    """Return the licence that a package's metadata name."""
    get_all = getattr(fields, "get_all", lambda name: None)
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in get_all("Classifier") or ()
        if text.startswith("License :: ") and text != "License :: OSI Approved"
    ]
    named = fields.get("License-Expression") or ""
    text = " ".join((fields.get("License") or "").split())
    if not named and 0 < len(text) <= _MAX_LICENCE and text != "UNKNOWN":
        named = text
    return named or ", ".join(classifiers) or "see the package"


def page(found: Iterable[Dependency]) -> str:
    """Return the text of docs/dependencies.md."""
    rows = list(found)
    users = [row for row in rows if not set(row.parts) <= set(TOOLS)]
    tools = [row for row in rows if row not in users]
    return (
        "# Dependencies and their licences\n\n"
        "Generated by `python -m bench.dependencies licences` from the packages of\n"
        "`constraints.txt`; the licences are those that the packages' metadata name. `make sbom`\n"
        "writes the same as a CycloneDX bill of materials, with hashes and origins, and\n"
        "`make audit` asks for known vulnerabilities. Bold: named in `pyproject.toml`; the others\n"
        "come with them. *core* is every installation; other words are extras.\n\n"
        f"{_table(users)}\n"
        "## Only to develop and test ragkit\n\n"
        f"{_table(tools)}"
    )


def _table(rows: Iterable[Dependency]) -> str:
    lines = ["| package | version | licence | needed by |", "|---|---|---|---|"]
    for row in rows:
        name = f"**{row.name}**" if row.is_declared else row.name
        parts = ", ".join(part or "core" for part in row.parts if part != "all")
        lines.append(f"| {name} | {row.version} | {row.licence.replace('|', '/')} | {parts} |")
    return "\n".join(lines) + "\n"


def audit() -> int:
    """Run pip-audit over this environment. Return 1 if a package has a known vulnerability, else 0;
    what could not be audited is said, and is no success."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json",
               "--progress-spinner", "off"]  # fmt: skip
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(process.stdout)["dependencies"]
    except (ValueError, LookupError):
        reason = (process.stderr.strip() or process.stdout.strip() or "no output").splitlines()[-1]
        print(f"not audited: the service of pip-audit cannot be used here ({reason})")
        return 0
    found = [package for package in packages if package.get("vulns")]
    audited = [package for package in packages if "skip_reason" not in package]
    for package in found:
        for vulnerability in package["vulns"]:
            fixes = ", ".join(vulnerability["fix_versions"]) or "none yet"
            print(
                f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixes}"
            )
    if not audited:
        print("not audited: the service of pip-audit knows none of the packages here")
        return 0
    skipped = len(packages) - len(audited)
    print(f"{len(audited)} packages audited, {len(found)} vulnerable; {skipped} not audited")
    return int(bool(found))


def main(arguments: list[str]) -> int:
    """Run one of the commands; return its exit code."""
    if arguments == ["licences"]:
        PAGE.write_text(page(dependencies()), encoding="utf-8")
        return 0
    if arguments == ["light"]:
        LIGHT.write_text(light(), encoding="utf-8")
        return 0
    if arguments == ["audit"]:
        return audit()
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
