import json

import pytest

from ragkit.cli.output import render

NASTY = "\x1b[2J\x1b]0;mine\x07\x9b31m\u202e\r\x7f"


def test_long_text_is_trimmed_to_the_terminal_around_the_match(run, collection_folder, folder):
    (folder / "wide.txt").write_text("pale words " * 8 + "needle " + "pale words " * 8 + "界" * 60)
    run("index")
    lines = run("query", "needle", "--mode", "lexical")[1].splitlines()
    assert "needle" in " ".join(lines)
    assert all(len(line) + line.count("界") <= 80 for line in lines)


def test_no_colour_without_a_terminal(run, collection_folder):
    assert "\x1b" not in run("query", "parents")[1]


def test_a_terminal_gets_highlighted_words_unless_no_color_is_set(
    run, collection_folder, monkeypatch
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;33mParents\x1b[0m" in run("query", "parent")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("query", "parent")[1]


@pytest.mark.parametrize("columns", ["1", "8", "30"])
def test_a_narrow_terminal_gets_an_answer(run, collection_folder, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert run("query", "parents at home", "-k", "1")[0] == 0


def test_json_is_exact_and_contains_no_raw_control_characters(run, collection_folder, folder):
    (folder / f"evil{NASTY}.txt").write_text("An evil needle.")
    run("index")
    _, out, _ = run("query", "evil needle", "--json", "-k", "1")
    assert json.loads(out)[0]["path"] == f"evil{NASTY}.txt"
    assert not {letter for letter in out if letter != "\n" and not letter.isprintable()}


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("handbook/leave.pdf", 18, "handbook/leave.pdf"),
        ("handbook/people/berlin/leave.pdf", 30, "handbook/people/…/leave.pdf"),
        ("handbook/people/berlin/leave.pdf", 26, "handbook/…/leave.pdf"),
        ("handbook/people/leave.pdf", 14, "…/leave.pdf"),
        ("a-very-long-name-of-a-file.pdf", 16, "a-very-l…ile.pdf"),
        ("folder/a-very-long-name-of-a-file.pdf", 16, "a-very-l…ile.pdf"),
        ("休暇/規則/育児休業.md", 18, "休暇/…/育児休業.md"),
        ("leave.pdf", 1, "leav…pdf"),
    ],
)
def test_a_long_path_is_cut_in_the_middle(path, width, shown):
    assert render.shorten_path(path, width) == shown
    assert render.display_width(shown) <= max(8, width)


def test_other_places_of_a_text_follow_its_excerpt(run, collection_folder, folder):
    for number in range(5):
        (folder / f"copy{number}.txt").write_text("Zebras graze in the morning.")
    run("index")
    lines = run("query", "zebras graze", "-k", "1")[1].splitlines()
    assert lines[-1].strip() == (
        "also in 4 places: copy1.txt, line 1; copy2.txt, line 1; copy3.txt, li …"
    )
