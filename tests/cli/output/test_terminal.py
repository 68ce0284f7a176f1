import pytest

from ragkit.cli.output.terminal import format_count, print_message, terminal_width, to_printable

NASTY = "\x1b[2J\x1b]0;mine\x07\x9b31m\u202e\r\x7f"


def test_no_control_character_of_a_file_reaches_the_terminal(run, collection_folder, folder):
    (folder / f"evil{NASTY}\n.txt").write_text(f"An evil{NASTY} needle.\n\n# Head{NASTY}\n")
    (folder / f"evil{NASTY}.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    commands = [
        ("index",),
        ("query", f"evil needle{NASTY}", "-k", "9"),
        ("ls",),
        ("ls", "--failed"),
        ("get", f"evil{NASTY}\n.txt"),
        ("get", f"nowhere{NASTY}"),
        ("get", "x", f"--{NASTY}"),
        ("index", f"nowhere{NASTY}"),
        ("remove", f"nowhere{NASTY}"),
        ("-c", f"nowhere{NASTY}", "status"),
    ]
    for command in commands:
        _, out, err = run(*command)
        seen = {each for each in out + err if each not in "\n\t" and not each.isprintable()}
        assert not seen, command
    assert "evil\u241b[2J\u241b]0;mine\u2407\ufffd31m\ufffd\u240d\u2421\u240a.txt" in run("ls")[1]


def test_control_characters_become_visible_ones():
    # U+2400 and following are Unicode's control pictures: ESC is U+241B, DEL U+2421.
    assert to_printable("a\x1b[2J\x7f\x9b\u202eb\n") == "a\u241b[2J\u2421\ufffd\ufffdb\u240a"
    assert to_printable("a\n\tb\x00", lines=True) == "a\n\tb\u2400"


def test_a_message_cannot_look_like_two(capsys):
    print_message("first\nragkit: second", lines=True)
    assert capsys.readouterr().err == "ragkit: first\n  ragkit: second\n"


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 files"), (1, "1 file"), (1200, "1,200 files")]
)
def test_counts_have_a_plural_and_separators(number, expected):
    assert format_count(number, "file") == expected


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("7", 40), ("wide", 80), ("", 80)])
def test_the_width_is_that_of_the_terminal_or_the_default(monkeypatch, columns, width):
    def no_terminal():
        raise OSError

    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", no_terminal)
    assert terminal_width(80) == width
