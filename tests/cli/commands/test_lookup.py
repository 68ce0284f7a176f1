"""`ragkit grep`, `glob`, `tree`, `read` and `related`: what they print, and their exit codes."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("collection_folder")


def test_grep_prints_citation_line_and_text(run):
    code, out, err = run("grep", "keys|vault")
    assert (code, err) == (0, "")
    assert out == (
        "keys.md#L3: Rotate the signing keys every ninety days.\n"
        "keys.md#L7: Keep the private part in a vault.\n"
    )


def test_grep_with_context_numbers_the_lines(run):
    out = run("grep", "vault", "-C", "2")[1]
    assert out.splitlines()[0] == "keys.md#L7"
    assert out.splitlines()[1:4] == [
        "     5  ## Storage", "     6  ", "     7  Keep the private part in a vault.",
    ]  # fmt: skip


def test_a_result_that_was_cut_says_how_to_continue(run):
    code, out, err = run("grep", "a", "--limit", "2")
    assert (code, len(out.splitlines())) == (0, 2)
    cursor = err.rpartition("--cursor ")[2].strip()
    rest = run("grep", "a", "--cursor", cursor)[1]
    assert out + rest == run("grep", "a")[1]
    fields = json.loads(run("grep", "a", "--limit", "2", "--json")[1])
    assert (fields["cursor"], len(fields["matches"])) == (cursor, 2)


def test_nothing_found_is_exit_code_1_and_a_wrong_pattern_2(run):
    assert run("grep", "zebra") == (1, "", "ragkit: nothing found\n")
    code, _, err = run("grep", "(")
    assert code == 2
    assert "is no regular expression" in err
    assert run("glob", "*.pdf")[0] == 1


def test_glob_and_tree(run):
    assert run("glob", "**/*.txt")[1] == "leave.txt\nsub/cats.txt\n"
    out = run("tree")[1]
    assert out == (
        "keys.md  (98 characters)\nleave.txt  (42 characters)\nsub/  (1 document)\n"
        "  cats.txt  (32 characters)\n"
    )
    assert run("tree", "sub")[1] == "cats.txt  (32 characters)\n"
    assert json.loads(run("tree", "-L", "1", "--json")[1])["total"] == 3


def test_read_lines(run):
    assert run("read", "keys.md", "--lines", "5-7", "-n")[1] == (
        "     5  ## Storage\n     6  \n     7  Keep the private part in a vault.\n"
    )
    assert run("read", "keys.md#L3")[1] == "Rotate the signing keys every ninety days.\n"
    assert run("read", "keys.md", "--lines", "x")[0] == 2


def test_related(run):
    fields = json.loads(run("related", "keys.md#L3", "--json")[1])
    assert fields["passage"]["path"] == "keys.md"
    assert [hit["path"] for hit in fields["after"]] == ["keys.md"]
    assert fields["similar"]
    out = run("related", "keys.md#L3", "-k", "1")[1]
    assert next(line for line in out.splitlines() if line.endswith(":")) == "passage:"
