import io

import pytest

from ragkit.cli.output import links


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"WT_SESSION": "1"}, True),
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "4999"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, False),
        ({"TERM": "xterm-kitty", "FORCE_HYPERLINK": "0"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
    ],
)
def test_links_are_for_terminals_that_show_them(environment, expected):
    assert links.shows_links(Terminal(), environment) is expected


def test_a_pipe_gets_links_only_where_they_are_forced():
    assert not links.shows_links(io.StringIO(), {"TERM": "xterm-kitty"})
    assert links.shows_links(io.StringIO(), {"FORCE_HYPERLINK": "1"})


def test_the_place_of_a_hit_leads_to_its_file(run, collection_folder, folder, monkeypatch):
    (folder / "ä b.txt").write_text("needle\n")
    run("index")
    plain = run("query", "needle", "-k", "1")[1]
    monkeypatch.setenv("FORCE_HYPERLINK", "1")
    address = (folder / "ä b.txt").as_uri()
    linked = run("query", "needle", "-k", "1")[1]
    assert f"\x1b]8;;{address}\x1b\\ä b.txt, line 1\x1b]8;;\x1b\\\n" in linked
    assert linked.replace(f"\x1b]8;;{address}\x1b\\", "").replace("\x1b]8;;\x1b\\", "") == plain
    (folder / "ä b.txt").write_text("needle, changed\n")
    assert "\x1b]8;;file" not in run("query", "needle", "-k", "1")[1]


def test_a_record_leads_to_the_file_that_contains_it(collection, folder):
    (folder / "mail.mbox").write_text(
        "From a@b.c Thu Jan  1 00:00:00 2026\nSubject: Needles\n\nThe needle.\n"
    )
    collection.index(folder)
    (hit,) = [hit for hit in collection.search("needle") if hit.path.startswith("mail.mbox")]
    assert links._file_link(hit) == (folder / "mail.mbox").as_uri()
