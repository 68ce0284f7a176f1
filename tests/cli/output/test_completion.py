"""Completion scripts; fish itself runs its script where it is installed."""

import re
import shutil
import subprocess

import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.cli.output import completion


def every_option(command):
    (subparsers,) = [a for a in parser()._actions if a.__class__.__name__ == "_SubParsersAction"]
    return {o for a in subparsers.choices[command]._actions for o in a.option_strings}


def test_fish_knows_every_command_and_every_option():
    script = completion.format_fish(parser())
    for command in ("query", "search", "index", "serve", "completion"):
        assert f"-a {command} -d " in script
        part = "\n".join(
            line
            for line in script.splitlines()
            if re.search(rf"seen_subcommand_from (\w+ )*{command}( \w+)*'", line)
        )
        for option in every_option(command):
            assert (f" -l {option[2:]} " if option[1] == "-" else f" -s {option[1]} ") in f"{part} "


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_commands_options_and_values(tmp_path):
    script = tmp_path / "ragkit.fish"
    script.write_text(completion.format_fish(parser()))

    def complete(line):
        command = f"source {script}; complete -C '{line}'"
        process = subprocess.run(
            ["fish", "--no-config", "-c", command],
            capture_output=True, text=True, check=True, cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return [word.split("\t")[0] for word in process.stdout.splitlines()]

    assert complete("ragkit que") == ["query"]
    assert complete("ragkit query --vim") == ["--vimgrep"]
    assert complete("ragkit query --mode ") == ["dense", "hybrid", "lexical"]
    assert complete("ragkit completion f") == ["fish"]
    (tmp_path / "notes").mkdir()
    assert complete("ragkit index no") == ["notes/"]


def test_powershell_knows_every_command_option_and_value():
    script = completion.format_powershell(parser())
    rows = dict(re.findall(r"^        ('[^']*') = @\((.*)\)$", script, re.MULTILINE))
    assert {"''", "'query'", "'search'", "'query --mode'"} <= set(rows)
    assert rows["'query --mode'"] == "'dense', 'lexical', 'hybrid'"
    for command in ("query", "index"):
        for option in every_option(command):
            assert f"@('{option}', " in rows[f"'{command}'"]
    assert "@('query', " in rows["''"]
    assert script.count("{") == script.count("}")
    assert "collection''s folder" in rows["'query'"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish", "powershell"])
def test_the_command_prints_each_script(run, shell):
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert "vimgrep" in out
