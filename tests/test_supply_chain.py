"""What ragkit is made of: nothing in it runs code from data, and every dependency is listed."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ragkit
from bench import dependencies

PACKAGE = Path(ragkit.__file__).parent
# Modules that run code when they open a file.
CODE_IN_DATA = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal"}
CODE_IN_DATA |= {"shelve", "jsonpickle", "code", "runpy"}
# Functions that do, by the names that they are called by.
RUNS_CODE = {"eval", "exec", "compile", "__import__"}
LOADS_CODE = {"torch.load", "torch.jit.load", "torch.hub.load", "yaml.load", "yaml.unsafe_load"}
LOADS_CODE |= {"pandas.read_pickle", "pd.read_pickle", "os.system", "os.popen"}


def dangers(source: str) -> list[str]:
    """The statements of a module by which data could run as code."""
    findings = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            findings += [a.name for a in node.names if a.name.partition(".")[0] in CODE_IN_DATA]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            findings += [module] * (module.partition(".")[0] in CODE_IN_DATA)
            names = {f"{module}.{alias.name}" for alias in node.names}
            findings += sorted(names & LOADS_CODE)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            findings += [name] * (name in LOADS_CODE or name in RUNS_CODE)
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                is_open = keyword.arg == "allow_pickle" and value is not False
                is_shell = keyword.arg in ("shell", "trust_remote_code") and value is not False
                findings += [f"{name}({keyword.arg}=…)"] * (is_open or is_shell)
    return findings


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "from torch import load",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "eval(text)",
        "exec(text)",
        "compile(text, '', 'exec')",
        "subprocess.run(text, shell=True)",
        "from_pretrained(path, trust_remote_code=True)",
    ],
)
def test_the_check_sees_code_that_data_could_run(source: str) -> None:
    assert dangers(source)


def test_the_check_lets_other_code_pass() -> None:
    source = "import json\nre.compile(p)\nmodel.eval()\nnp.load(p, allow_pickle=False)\n"
    assert dangers(source) == []


def test_no_module_runs_code_that_it_reads() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 200
    findings = {
        str(file.relative_to(PACKAGE)): statements
        for file in files
        if (statements := dangers(file.read_text(encoding="utf-8")))
    }
    assert findings == {}


def test_no_module_names_a_pickle_but_to_refuse_it() -> None:
    """A plain search too: a name built from parts would be found by nobody."""
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "torch.load" not in text, file
        assert "import_module(" not in text or "pickle" not in text, file


def test_every_declared_dependency_is_listed_with_a_licence() -> None:
    page = dependencies.PAGE.read_text(encoding="utf-8")
    rows = {
        cells[1].strip(" *"): cells[3].strip()
        for line in page.splitlines()
        if line.startswith("| ") and len(cells := line.split("|")) == 6
    }
    for part, requirements in dependencies.declared().items():
        for requirement in requirements:
            name = dependencies.canonicalize_name(requirement.name)
            if requirement.marker is None or requirement.marker.evaluate():
                assert rows.get(name), (part, name, "run: python -m bench.dependencies licences")


def test_what_the_page_says_of_a_package() -> None:
    assert dependencies.licence({"License-Expression": "MIT", "License": "x"}) == "MIT"
    assert dependencies.licence({"License": "Apache-2.0"}) == "Apache-2.0"
    assert dependencies.licence({"License": "Permission is granted " * 20}) == "see the package"
    row = dependencies.Dependency("numpy", "2.0", "BSD-3-Clause", ("", "eval"), is_declared=True)
    assert "| **numpy** | 2.0 | BSD-3-Clause | core, eval |" in dependencies.page([row])


def test_what_a_package_needs_is_followed_to_the_end() -> None:
    names = dependencies._closure([Requirement("hypothesis")])
    assert "sortedcontainers" in names
    assert dependencies._closure([Requirement("no-such-package-at-all")]) == set()


VULNERABLE = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "CVE-2020-1", "fix_versions": ["1.1"]}],
}
FINE = {"name": "new", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "own", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "expected", "says"),
    [
        (None, 0, "not audited: the service of pip-audit cannot be used here (no route to host)"),
        ([UNKNOWN], 0, "not audited: the service of pip-audit knows none of the packages"),
        ([FINE, UNKNOWN], 0, "1 packages audited, 0 vulnerable; 1 not audited"),
        ([FINE, VULNERABLE], 1, "old 1.0: CVE-2020-1, fixed in 1.1\n2 packages audited, 1 vul"),
    ],
)
def test_an_audit_says_what_was_audited(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[dict[str, object]] | None,
    expected: int,
    says: str,
) -> None:
    class Finished:
        returncode = 1
        stdout = "" if packages is None else json.dumps({"dependencies": packages})
        stderr = "ConnectionError\nno route to host\n"

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Finished)
    assert dependencies.main(["audit"]) == expected
    assert says in capsys.readouterr().out
