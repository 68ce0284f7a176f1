"""`serve --watch`: changes are indexed while the server runs."""

import time

from ragkit.serving.collections.watching import Watchers


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_new_file_and_a_new_root_are_indexed_and_closing_ends_the_watch(
    library, folder, tmp_path
):
    served = library["default"]
    watchers = Watchers()
    try:
        watchers.start(served)
        watchers.start(served)  # once is enough
        (folder / "new.txt").write_text("Volcanoes erupt.\n")
        wait_until(lambda: served.collection.status().documents == 4)
        other = tmp_path / "other"
        other.mkdir()
        (other / "tea.txt").write_text("Tea is a drink.\n")
        served.roots["other"] = str(other)
        watchers.restart(served)
        wait_until(lambda: served.collection.status().documents == 5)
    finally:
        watchers.close()
    watchers.start(served)
    assert watchers._is_closed and all(
        not watch.thread.is_alive() for watch in watchers._watches.values()
    )
