import json
import re
import subprocess

import pytest

from ragkit.maintenance import background
from tests.documents.files import make_zip

REPORT = [
    "added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "passages",
    "embedded", "reused", "tokens", "truncated_tokens", "seconds", "documents",
]  # fmt: skip


def test_the_first_steps_of_a_user(run, folder):
    assert run("init") == (0, "created an empty collection in .ragkit\n", "")
    code, out, err = run("index", "notes")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"3 files \(3 added\), \d passages \(\d embedded\) in \d+\.\d s\n", out)
    _, out, _ = run("index")
    assert re.fullmatch(r"nothing changed: 3 files in \d+\.\d s\n", out)
    code, out, err = run("query", "how long may parents stay at home?", "-k", "1")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert re.fullmatch(r"1  0\.\d\d  leave\.txt, line 1", first)
    assert second.strip() == "Parents may stay at home for half a year."


def test_index_json_has_the_fields_of_the_contract(run, collection_folder, folder):
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    code, out, _ = run("index", "--json")
    report = json.loads(out)
    assert code == 0
    assert list(report)[: len(REPORT)] == REPORT
    assert [(each["path"], each["status"]) for each in report["documents"]] == [
        ("picture.png", "skipped")
    ]


def test_ls_lists_every_file_with_its_status(run, collection_folder, folder):
    (folder / ".hidden").write_text("x")
    run("index")
    files = json.loads(run("ls", "--json")[1])
    assert {file["path"]: (file["status"], file["reason"]) for file in files} == {
        ".hidden": ("skipped", "hidden"),
        "keys.md": ("indexed", None),
        "leave.txt": ("indexed", None),
        "sub/cats.txt": ("indexed", None),
    }
    assert {"path", "status", "reason", "passages", "media_type"} <= set(files[0])
    assert run("ls", "--failed")[1].split() == ["skipped", "0", ".hidden", "(hidden)"]


def test_ls_takes_paths_and_explains_them(run, collection_folder, folder):
    assert run("ls", "notes/sub")[1].split() == ["indexed", "1", "sub/cats.txt"]
    assert [file["path"] for file in json.loads(run("ls", "keys.md", "--json")[1])] == ["keys.md"]
    code, out, err = run("ls", "nowhere")
    assert (code, out) == (2, "")
    assert "ragkit ls --why nowhere" in err
    code, out, err = run("ls", "--why", "notes/keys.md")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"notes/keys.md: read on .* and unchanged since: 2 passages, .*\n", out)
    (why,) = json.loads(run("ls", "--why", "nowhere", "--json")[1])
    assert (why["state"], why["file"]) == ("unknown", None)
    assert run("ls", "--why", "nowhere")[0] == run("ls", "--why")[0] == 2


def test_a_member_of_an_archive_is_verified_too(run, collection_folder, folder):
    archive = folder / "docs.zip"
    archive.write_bytes(make_zip({"tea.txt": "Green tea is steeped."}))
    run("index")
    assert json.loads(run("query", "green tea", "--json")[1])[0]["stale"] is False
    assert run("get", "docs.zip/tea.txt") == (0, "Green tea is steeped.\n", "")
    archive.write_bytes(make_zip({"tea.txt": "Black tea is steeped."}))
    hit = json.loads(run("query", "green tea", "--json")[1])[0]
    assert (hit["path"], hit["stale"]) == ("docs.zip/tea.txt", True)
    _, out, err = run("get", "docs.zip/tea.txt")
    assert out == "Green tea is steeped.\n" and "has changed since indexing" in err
    archive.unlink()
    assert "has changed since indexing" in run("get", "docs.zip/tea.txt")[2]


def test_status_shows_what_the_collection_contains(run, collection_folder, folder):
    status = json.loads(run("status", "--json")[1])
    assert status["files"] == {"indexed": 3}
    assert (status["passages"], status["pending"], status["model"]) == (4, 0, "words")
    assert status["roots"] == [str(folder)]
    assert "3 of 3 files" in run("status")[1]


def test_get_prints_the_text_and_nothing_else(run, collection_folder):
    assert run("get", "keys.md#L5") == (0, "## Storage\n", "")
    _, out, _ = run("get", "leave.txt", "--json")
    assert json.loads(out)["text"] == "Parents may stay at home for half a year.\n"


def test_get_warns_when_the_file_has_changed(run, collection_folder, folder):
    (folder / "leave.txt").write_text("Parents work.")
    _, out, err = run("get", "leave.txt")
    assert out.startswith("Parents may stay")
    assert "has changed since indexing" in err


def test_remove_removes_documents(run, collection_folder):
    assert run("remove", "leave.txt") == (0, "removed 1 document\n", "")
    assert json.loads(run("remove", "notes", "--json")[1]) == {"removed": 2}


def test_strict_exits_with_2_when_a_file_failed(run, collection_folder, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    assert run("index")[0] == 0
    code, out, err = run("index", "--strict")
    assert code == 2
    assert "read 3 of 4 files, 1 not: 1 damaged (ragkit ls --failed)\n" in out
    assert err.splitlines() == [
        "ragkit: 1 not read, so --strict fails:",
        "ragkit:   broken.pdf: damaged PDF: no pages can be found in it",
    ]


def test_after_init_the_folder_itself_is_indexed(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert run("init")[0] == 0
    assert json.loads(run("index", "--json")[1])["added"] == 3
    assert json.loads(run("status", "--json")[1])["roots"] == [str(folder)]
    (folder / "sub" / "new.txt").write_text("New.")
    assert json.loads(run("index", "--json")[1])["added"] == 1


def test_without_a_folder_of_its_own_a_new_collection_needs_one(run, tmp_path):
    code, _, err = run("-c", str(tmp_path / "kit"), "index")
    assert code == 2
    assert "name a folder, as in: ragkit index FOLDER" in err


def test_a_dry_run_creates_no_collection(run, folder, tmp_path):
    code, out, _ = run("-c", "kit", "index", "notes", "--dry-run")
    assert (code, out) == (0, "would be: 3 added; 0 unchanged\n")
    assert not (tmp_path / "kit").exists()


def test_files_that_new_globs_exclude_are_reported_as_removed(run, collection_folder):
    report = json.loads(run("index", "notes", "--include", "*.md", "--json")[1])
    assert (report["removed"], report["unchanged"]) == (2, 1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_completion_script_contains_every_command(run, shell):
    code, out, _ = run("completion", shell)
    assert code == 0
    assert all(name in out for name in ("index", "query", "status", "remove"))


def test_bash_completes_files_and_commands(run, tmp_path):
    script = run("completion", "bash")[1]
    (tmp_path / "handbook").mkdir()
    ask = (
        f"{script}\n"
        "COMP_WORDS=(ragkit index hand); COMP_CWORD=2; _shtab_ragkit; echo ${COMPREPLY[@]}\n"
        "COMP_WORDS=(ragkit sta); COMP_CWORD=1; _shtab_ragkit; echo ${COMPREPLY[@]}\n"
    )
    shell = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert shell.stdout.split() == ["handbook", "status"]


def test_an_empty_folder_makes_an_empty_collection(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run("-c", "kit", "index", "empty")
    assert code == 0
    assert err.startswith("ragkit: nothing to index")
    assert out.startswith("nothing changed: 0 files")
    assert run("-c", "kit", "query", "x")[0] == 1


def test_writing_commands_wait_for_another_writer(run, collection_folder, folder):
    from ragkit.storage.lock import writer_lock

    with writer_lock(collection_folder, "a long job"):
        for command in ("index", "remove"):
            code, out, err = run(command, str(folder), "--wait", "0")
            assert (code, out) == (3, "")
            assert "a long job" in err
            assert "--wait SECONDS" in err
    code, _, err = run("index", str(folder), "--wait", "-1")
    assert code == 2
    assert "wait is -1; expected a number of seconds" in err
    assert run("remove", str(folder), "--wait", "1.5")[0] == 0


def test_remove_on_a_full_disk_has_removed(run, collection_folder, folder, monkeypatch):
    from ragkit.errors import CollectionError
    from ragkit.storage.index_writer import IndexWriter

    def fail(*_, **__):
        raise CollectionError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(IndexWriter, "update_lexical", fail)
        code, out, err = run("remove", "keys.md")
    assert (code, out) == (0, "removed 1 document\n")
    assert "the disk is full" in err
    code, out, err = run("remove", "keys.md")
    assert (code, out) == (0, "removed 0 documents\n")
    assert "keys.md was removed before" in err
    assert run("remove", "keys.md")[0] == 2


def test_strict_reports_a_root_that_cannot_be_read(run, collection_folder, folder, monkeypatch):
    import os

    real = os.stat

    def refuse(path, *arguments, **named):
        if path == folder or path == str(folder):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", refuse)
    code, _, err = run("index")
    assert code == 0
    assert f"cannot read {folder}: permission denied; its documents are kept" in err
    assert run("index", "--strict")[0] == 2
    monkeypatch.undo()


def test_an_empty_folder_and_an_empty_list_are_reported(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("-c", "kit", "index", "empty")[2] == (
        f"ragkit: nothing to index: there is no file in {tmp_path / 'empty'}\n"
    )
    assert run("-c", "kit", "ls") == (
        0, "", "ragkit: the collection is empty; fill it with: ragkit index FOLDER\n"
    )  # fmt: skip
    assert run("-c", "kit", "ls", "--failed") == (0, "", "ragkit: every file was read\n")
    assert run("-c", "kit", "ls", "--json")[1:] == ("[]\n", "")
    (tmp_path / "empty" / ".hidden").write_text("x")
    assert "ragkit ls --failed lists what rules leave out" in run("-c", "kit", "index")[2]


def test_index_waits_for_mains_power_while_it_runs(run, folder, monkeypatch):
    lowered, naps = [], []

    class Pause(background.PowerPause):
        def __init__(self, notify):
            super().__init__(notify, lambda: len(naps) < 3, sleep=naps.append)

    monkeypatch.setattr(background, "lower_priority", lambda: lowered.append(True))
    monkeypatch.setattr(background, "PowerPause", Pause)
    code, out, err = run("index", "notes", "--nice")
    assert (code, lowered) == (0, [True])
    assert out.startswith("3 files (3 added)")
    assert "paused: the computer runs on battery" in err
    assert naps == [background.CHECK_SECONDS] * 3
