"""Pages of originals, and files that are opened on the server's screen."""

import os
import sys

import pytest

from ragkit.errors import UsageError
from ragkit.serving.collections.originals import Originals, open_file
from tests.documents.files import make_pdf


@pytest.fixture
def served(make_library, folder):
    (folder / "guide.pdf").write_bytes(make_pdf(["Cover", "Rotate the keys\nin spring", "End"]))
    return make_library(default=folder)["default"]


def hit_in(served, path):
    return next(hit for hit in served.collection.search("keys", k=20) if hit.path == path)


def test_a_page_is_rendered_with_the_part_of_the_passage_on_it(served):
    hit = hit_in(served, "guide.pdf")
    view = Originals().view_page(served, hit.document_id, 2, (hit.start, hit.end), 400)
    assert (view.page, view.pages, view.stale) == (2, 3, False)
    assert len(view.picture.boxes) == 2  # both lines
    assert Originals().view_page(served, hit.document_id, 2, (0, 0), 400).picture.boxes == ()
    with pytest.raises(UsageError, match="3 pages, no page 4"):
        Originals().view_page(served, hit.document_id, 4, (0, 0), 400)


def test_text_has_no_pages(served):
    with pytest.raises(UsageError, match="0 pages"):
        Originals().view_page(served, hit_in(served, "keys.md").document_id, 1, (0, 0), 400)


@pytest.mark.skipif(sys.platform != "linux", reason="the program is xdg-open on Linux")
def test_a_document_is_opened_by_the_desktop_and_a_script_is_not(
    served, folder, tmp_path, monkeypatch
):
    (tmp_path / "bin").mkdir()
    opened = tmp_path / "opened"
    program = tmp_path / "bin" / "xdg-open"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert open_file(served, hit_in(served, "guide.pdf").document_id) == "guide.pdf"
    while not opened.exists():
        os.sched_yield()
    assert opened.read_text() == str(folder / "guide.pdf")
    (folder / "run.sh").write_text("echo keys\n")
    served.collection.index(folder)
    with pytest.raises(UsageError, match="not opened"):
        open_file(served, hit_in(served, "run.sh").document_id)


def test_a_machine_without_a_desktop_says_so(served, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.platform == "linux":
        with pytest.raises(UsageError, match="no desktop"):
            open_file(served, hit_in(served, "guide.pdf").document_id)
