"""Completion scripts for shells that shtab does not know: fish and PowerShell.

Both are made from the parser. Knows no command.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.cli.output.terminal import to_printable

# What the shells complete as a path; every other argument is free text.
PATH_ARGUMENTS = (
    "paths", "folder", "collection", "pairs", "output", "dev", "target", "source", "bug_report",
    "batch", "file", "log_file", "collections",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Words:
    """A command with its names, its help and its arguments."""

    names: tuple[str, ...]
    help: str
    actions: tuple[argparse.Action, ...]


def _commands(top: argparse.ArgumentParser) -> Iterator[_Words]:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            names: dict[int, list[str]] = {}
            for name, command in action.choices.items():
                names.setdefault(id(command), []).append(name)
            for aliases in names.values():
                command = action.choices[aliases[0]]
                yield _Words(tuple(aliases), helps[aliases[0]], tuple(command._actions))


def _choices(action: argparse.Action) -> Sequence[str]:
    return [str(choice) for choice in action.choices or ()]


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def format_fish(top: argparse.ArgumentParser) -> str:
    """Return the completion script for fish: ~/.config/fish/completions/ragkit.fish."""
    commands = list(_commands(top))
    every_name = " ".join(name for command in commands for name in command.names)
    lines = [
        "# fish completion of ragkit. Install: "
        "ragkit completion fish > ~/.config/fish/completions/ragkit.fish",
        "complete -c ragkit -f",
    ]
    before = f"not __fish_seen_subcommand_from {every_name}"
    for action in top._actions:
        if action.option_strings:
            lines.append(_fish_option(before, action))
    for command in commands:
        for name in command.names:
            text = _fish_quote(command.help)
            lines.append(f"complete -c ragkit -n {_fish_quote(before)} -a {name} -d {text}")
        condition = f"__fish_seen_subcommand_from {' '.join(command.names)}"
        for action in command.actions:
            if action.option_strings:
                lines.append(_fish_option(condition, action))
            elif choices := _choices(action):
                lines.append(
                    f"complete -c ragkit -n {_fish_quote(condition)} -a "
                    f"{_fish_quote(' '.join(choices))}"
                )
            elif action.dest in PATH_ARGUMENTS:
                lines.append(f"complete -c ragkit -n {_fish_quote(condition)} -F")
    return "\n".join(lines)


def _fish_option(condition: str, action: argparse.Action) -> str:
    words = ["complete -c ragkit", f"-n {_fish_quote(condition)}"]
    for option in action.option_strings:
        words.append(f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}")
    if choices := _choices(action):
        words.append(f"-x -a {_fish_quote(' '.join(choices))}")
    elif _takes_value(action):
        words.append("-r -F" if action.dest in PATH_ARGUMENTS else "-x")
    return " ".join([*words, f"-d {_fish_quote(_help(action))}"])


def _fish_quote(text: str) -> str:
    escaped = to_printable(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _help(action: argparse.Action) -> str:
    """The help of an option on one line."""
    text = action.help if action.help and action.help != argparse.SUPPRESS else ""
    return " ".join(text.replace("%%", "%").split())


def format_powershell(top: argparse.ArgumentParser) -> str:
    """Return the completion script for PowerShell, which a profile runs."""
    tables = []
    for names, actions in [
        (("",), top._actions),
        *((command.names, command.actions) for command in _commands(top)),
    ]:
        rows = [(option, _help(action)) for action in actions for option in action.option_strings]
        words = [(choice, choice) for action in actions if not action.option_strings
                 and not isinstance(action, argparse._SubParsersAction)
                 for choice in _choices(action)]  # fmt: skip
        if names == ("",):
            rows += [(name, command.help) for command in _commands(top) for name in command.names]
        entries = ", ".join(f"@({_quote(word)}, {_quote(text)})" for word, text in rows + words)
        tables += [f"        {_quote(name)} = @({entries})" for name in names]
        values = [
            f"        {_quote(f'{name} {option}')} = @({', '.join(map(_quote, choices))})"
            for name in names
            for action in actions
            if (choices := _choices(action))
            for option in action.option_strings
        ]
        tables += values
    return _POWERSHELL.replace("TABLES", "\n".join(tables))


def _quote(text: str) -> str:
    return "'" + to_printable(text).replace("'", "''") + "'"


_POWERSHELL = """\
# PowerShell completion of ragkit. Install:
#   ragkit completion powershell | Out-String | Invoke-Expression
# in the file that $PROFILE names.
Register-ArgumentCompleter -Native -CommandName ragkit -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # A command, or a command and an option with a set of values: what can follow.
    $known = @{
TABLES
    }
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($wordToComplete -and $words.Count) { $words = @($words | Select-Object -SkipLast 1) }
    $command = @($words | Where-Object { $_ -and $known.ContainsKey($_) })[0]
    if (-not $command) { $command = '' }
    $last = @($words)[-1]
    $values = if ($last) { $known["$command $last"] }
    if ($values) {
        $found = $values | ForEach-Object { , @($_, $_) }
    } else {
        $found = $known[$command]
    }
    $found | Where-Object { $_[0].StartsWith($wordToComplete) } | ForEach-Object {
        $text = if ($_[1]) { $_[1] } else { $_[0] }
        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $text)
    }
}"""
