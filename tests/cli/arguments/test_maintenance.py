"""The arguments of the commands that check and copy."""

import pytest

from ragkit.cli.arguments.parser import parser


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["doctor"], {"repair": False, "bug_report": None, "wait": None, "json": False}),
        (
            ["doctor", "--repair", "--wait", "9", "--bug-report", "x", "--json"],
            {"repair": True, "bug_report": "x", "wait": 9.0, "json": True},
        ),
        (["backup", "x"], {"target": "x", "no_index_files": False}),
        (["backup", "x", "--no-index-files"], {"no_index_files": True}),
        (["restore", "x"], {"source": "x", "force": False, "wait": None}),
        (["restore", "x", "--force", "--wait", "1.5"], {"force": True, "wait": 1.5}),
        (["export", "x", "--json"], {"target": "x", "json": True}),
        (["import", "x"], {"source": "x", "json": False}),
    ],
)
def test_arguments(words, values):
    arguments = vars(parser(words).parse_args(words))
    assert {name: arguments[name] for name in values} == values


@pytest.mark.parametrize("command", ["backup", "restore", "export", "import"])
def test_a_folder_must_be_named(command, capsys):
    with pytest.raises(SystemExit):
        parser([command]).parse_args([command])
    assert "the following arguments are required" in capsys.readouterr().err
