"""The scripts of `findings/` and their table agree. They install packages, so no test runs one."""

import os
import re
import subprocess

import pytest

from tests.conftest import REPOSITORY

FINDINGS = REPOSITORY / "findings"
README = (FINDINGS / "README.md").read_text(encoding="utf-8")
SCRIPTS = sorted(FINDINGS.glob("*.sh"))


def test_the_table_has_every_script_once():
    rows = re.findall(r"^\| \[(.+?)\]\(\1\) \|", README, re.MULTILINE)
    assert sorted(rows) == [script.name for script in SCRIPTS]


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (FINDINGS / link).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_can_be_run_and_names_the_versions_of_the_table(script):
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "trap 'rm -rf \"$folder\"' EXIT" in text
    (packages,) = re.findall(rf"^\| \[{re.escape(script.name)}\]\S* \| (.+?) \|", README, re.M)
    versions = re.findall(r"\d+\.\d+\.\d+", packages)
    assert versions
    assert [version for version in versions if version not in text] == []
