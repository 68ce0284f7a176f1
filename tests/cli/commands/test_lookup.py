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


@pytest.fixture
def two_roots(run, folder):
    """A second root with the same paths, and a page whose lines its citations do not name."""
    other = folder.parent / "archive"
    (other / "sub").mkdir(parents=True)
    (other / "keys.md").write_text("# Keys\n\nOther keys are in the vault.\n")
    (other / "sub" / "cats.txt").write_text("Other cats have no keys.\n")
    (other / "page.html").write_text("<h1>Vault</h1><p>The door.</p><p>It has keys.</p>")
    assert run("index", str(other))[0] == 0
    return other


def test_get_accepts_what_grep_and_glob_print_of_two_roots(run, folder, two_roots):
    lines = run("grep", "keys")[1].splitlines()
    assert len(lines) == 4
    for line in lines:
        place, _, text = line.partition(": ")
        assert run("get", place)[1].strip() == text
        assert run("read", place)[1].strip() == text
    assert any(line.startswith("page.html#char=") and " line " in line for line in lines)
    named = run("glob", "**")[1].splitlines()
    assert named == [
        "archive/keys.md", "notes/keys.md", "leave.txt", "page.html",
        "archive/sub/cats.txt", "notes/sub/cats.txt",
    ]  # fmt: skip
    for path in named:
        assert run("get", path)[0] == 0, path


def test_tree_names_the_root_of_what_two_roots_have(run, folder, two_roots):
    assert run("tree", "-L", "2")[1] == (
        "archive/keys.md  (37 characters)\nnotes/keys.md  (98 characters)\n"
        "leave.txt  (42 characters)\npage.html  (30 characters)\n"
        "archive/sub/  (1 document)\nnotes/sub/  (1 document)\n"
        "  archive/sub/cats.txt  (25 characters)\n  notes/sub/cats.txt  (32 characters)\n"
    )
    for name in ("archive/sub/", str(two_roots / "sub")):
        assert run("tree", name)[1] == "archive/sub/cats.txt  (25 characters)\n"
    entries = json.loads(run("tree", "archive", "-L", "1", "--json")[1])["entries"]
    assert [(entry["path"], entry["citation"]) for entry in entries] == [
        ("keys.md", "archive/keys.md"), ("page.html", "page.html"),
        ("sub/", "archive/sub/"),
    ]  # fmt: skip
