"""The manual page, as groff renders it where that is installed."""

import re
import shutil
import subprocess

import pytest

import ragkit
from ragkit.cli.arguments.parser import parser
from ragkit.cli.output.man_page import format_man_page


def test_the_page_names_every_command_option_and_exit_code():
    page = format_man_page(parser())
    plain = page.replace("\\-", "-")
    assert plain.startswith(f'.TH RAGKIT 1 "" "ragkit {ragkit.__version__}"')
    (subparsers,) = [a for a in parser()._actions if a.__class__.__name__ == "_SubParsersAction"]
    for name, command in subparsers.choices.items():
        assert re.search(rf"^\.SS .*\b{name}\b", plain, re.MULTILINE), name
        for action in command._actions:
            for option in action.option_strings:
                assert f"\\fB{option}\\fR" in plain, (name, option)
    assert re.findall(r"^\\fB(\d+)\\fR$", plain, re.MULTILINE) == ["0", "1", "2", "3", "130"]
    assert "%(" not in plain
    assert "%%" not in plain


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_page_has_no_mistakes_and_fits_eighty_columns():
    process = subprocess.run(
        ["groff", "-man", "-Kutf8", "-Tutf8", "-P-cbou", "-ww", "-rLL=80n"],
        input=format_man_page(parser()), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.strip() == "ragkit query [TEXT]" for line in lines)
