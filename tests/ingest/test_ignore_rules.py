"""Ignore files, compared with git."""

import random
import shutil
import subprocess

import pytest

from ragkit.ingest.ignore_rules import IgnoreRules
from ragkit.ingest.scan import ScannedFile, scan

PIECES = ["a", "b", "ab", "*", "a*", "*b", "?", "**", "[ab]", "[!a]", "*.c", "a.c", r"\a", r"b\ "]
FOLDERS = ["", "a", "b", "ab", "a/b", "a/a", "b/b", "a/b/b", "b/ab", "a/b/a", "c d", "[a]"]
FILES = ["x", "a.c", "bb", "z.c", "b "]


def pattern(chance):
    pieces = "/".join(chance.choice(PIECES) for _ in range(chance.choice([1, 1, 1, 2, 3])))
    before = chance.choice(["", "", "", "!", "/", "!/"])
    return before + pieces + chance.choice(["", "", "/"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("seed", range(15))
def test_random_ignore_files_match_as_in_git(tmp_path, seed):
    chance = random.Random(seed)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (tmp_path / folder / name).touch()
        if not folder or chance.random() < 0.4:
            lines = [pattern(chance) for _ in range(chance.randint(1, 5))]
            (tmp_path / folder / ".gitignore").write_text("\n".join(lines))
    listing = ["git", "-C", str(tmp_path), "ls-files", "-zo", "--exclude-standard"]
    listed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
    expected = {path for path in listed if path and not path.endswith(".gitignore")}
    assert {entry.path for entry in scan(tmp_path) if isinstance(entry, ScannedFile)} == expected


@pytest.mark.parametrize(
    ("lines", "path", "label"),
    [
        (["*.log"], "a/b.log", "1"),
        (["*.log", "!keep.log"], "keep.log", None),
        (["!keep.log", "*.log"], "keep.log", "2"),
        (["build/"], "build", None),
        (["build/"], "x/build/", "1"),
        (["/build"], "x/build/", None),
        (["docs/*.md"], "docs/a.md", "1"),
        (["docs/*.md"], "docs/sub/a.md", None),
        (["docs/**"], "docs/", None),
        (["docs/**"], "docs/sub/a.md", "1"),
        (["# note", "", r"\#note", r"\!odd"], "#note", "3"),
        (["# note", "", r"\#note", r"\!odd"], "!odd", "4"),
        (["trailing  "], "trailing", "1"),
        (["!", "/", "//", "[", "\\", "a"], "a", "6"),
        (["[ab]", "x[0-9]"], "x7", "2"),
    ],
)
def test_patterns_match_by_the_last_rule(lines, path, label):
    rules = IgnoreRules().with_patterns(lines, [str(number + 1) for number in range(len(lines))])
    assert rules.match(path) == label


def test_pattern_characters_in_a_folder_name_are_literal():
    rules = IgnoreRules().with_patterns(["*.log"], ["here"], "a*[b]/")
    assert rules.match("a*[b]/x.log") == "here"
    assert rules.match("axb/x.log") is None
