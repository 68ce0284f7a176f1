"""What tantivy raises, as plain English: by real failures, and by the texts seen in them."""

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical import index as lexical_index
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.lexical.tantivy_errors import (
    LexicalIndexError,
    is_panic,
    plain_errors,
    translate,
)
from tests.storage.lexical.conftest import TEXTS, build_index, rows

FILE_DESCRIPTORS = Path("/proc/self/fd")
RUST = ("IoError", "Os {", "Custom {", "kind:", "code:", "Some(", "Error(", "unwrap", "corrupt")
FULL_DISK = (
    "An error occurred in a thread: 'IoError { io_error: Os { code: 28, kind: StorageFull, "
    'message: "No space left on device" }, filepath: "0a.store" }\''
)


def panic():
    """Return a real panic of tantivy."""
    import tantivy

    index = build_index(TEXTS)
    try:
        index._searcher.search(tantivy.Query.all_query(), limit=0)
    except BaseException as error:
        return error
    raise AssertionError("tantivy accepts a limit of 0: make it panic in another way")


def is_plain(error):
    return not any(sign in str(error) for sign in RUST)


@pytest.fixture
def written(tmp_path):
    lexical_index.write(tmp_path / "words-1", None, rows(TEXTS), [])
    return tmp_path / "words-1"


def test_a_panic_is_recognised_and_becomes_an_exception(capfd):
    error = panic()
    capfd.readouterr()  # Rust reports it on stderr
    assert is_panic(error)
    assert not isinstance(error, Exception)
    with pytest.raises(LexicalIndexError) as raised, plain_errors("it is damaged"):
        raise error
    assert str(raised.value) == "it is damaged"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), MemoryError(), KeyError()])
def test_other_errors_stay_as_they_are(error):
    assert not is_panic(error)
    with pytest.raises(type(error)) as raised, plain_errors("x"):
        raise error
    assert raised.value is error


def test_a_text_that_is_not_unicode_is_no_damage():
    error = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
    assert translate(error, "x") is None


@pytest.mark.parametrize(
    ("details", "code"),
    [
        (FULL_DISK, errno.ENOSPC),
        ('IoError { io_error: Custom { kind: TooManyOpenFiles, error: PathError { path: "/x", err: '
         'Os { code: 24, kind: TooManyOpenFiles, message: "Too many open files" } } } }',
         errno.EMFILE),
        ("An IO error occurred: 'No space left on device (os error 28)'", errno.ENOSPC),
        ('Os { code: 5, kind: Uncategorized, message: "Input/output error" }', errno.EIO),
        ("Failed to open file for read: 'FileDoesNotExist(\"meta.json\")'", errno.ENOENT),
    ],
)  # fmt: skip
def test_an_error_of_the_operating_system_keeps_its_number(details, code):
    error = translate(ValueError(details), "x")
    assert isinstance(error, OSError)
    assert (error.errno, error.strerror) == (code, os.strerror(code))


def damaged_copies(written):
    """Yield copies of an index folder with one file cut, garbled or deleted."""
    for file in sorted(written.iterdir()):
        for harm in ("cut", "garbled", "deleted"):
            copy = written.with_name(f"copy-{file.name}-{harm}")
            shutil.copytree(written, copy)
            target, content = copy / file.name, file.read_bytes()
            if harm == "deleted":
                target.unlink()
            elif content:
                half = content[: len(content) // 2]
                target.write_bytes(half if harm == "cut" else bytes(b ^ 0x55 for b in content))
            yield copy


def test_damage_of_any_file_is_said_in_plain_english(written, capfd):
    queries = [parse_query(query) for query in ('fox "lazy dog" -quick', "brwon", "the")]
    errors = []
    for copy in damaged_copies(written):
        try:
            index = LexicalIndex.open(copy, 1)
            for query in queries:
                index.top_k(query, 5)
                index.matching_up_to(query, 5)
                index.term_scores(query, [1, 2, 3, 9])
        except (ValueError, OSError) as error:
            errors.append(error)
        shutil.rmtree(copy)
    assert len(errors) > 10
    assert [error for error in errors if not is_plain(error)] == []


def test_a_panic_during_a_search_is_damage(monkeypatch, capfd):
    index = build_index(TEXTS)

    class Panicking:
        def __getattr__(self, name):
            def fail(*_, **__):
                raise panic()

            return fail

        num_docs = 4

    index._searcher = index.statistics._searcher = Panicking()
    query = parse_query('fox "lazy dog" -quick')
    for search in (
        lambda: index.top_k(query, 3),
        lambda: index.scores(query, [1]),
        lambda: index.term_scores(query, [1]),
        lambda: index.matching(query, [1]),
        lambda: index.matching_up_to(query, 3),
        lambda: index.some_matching(query, 3),
        lambda: index.max_bm25(query),
        lambda: index.is_restricted(query),
        lambda: index.idf("fox"),
        lambda: index.plan(query),
    ):
        with pytest.raises(LexicalIndexError, match="tantivy cannot search it"):
            search()


@pytest.mark.skipif(not FILE_DESCRIPTORS.is_dir(), reason="Linux shows how many files are open")
def test_too_many_open_files_are_no_damage(written):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The limit is one of numbers, so numbers below those in use must not be free.
    highest = max(int(entry.name) for entry in FILE_DESCRIPTORS.iterdir())
    fillers = [os.open(os.devnull, os.O_RDONLY)]
    while fillers[-1] < highest:
        fillers.append(os.open(os.devnull, os.O_RDONLY))
    raised = []
    try:
        for spare in range(1, 13):
            resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + spare, hard))
            try:
                lexical_index.write(written.with_name("words-2"), written, rows([(99, "x")]), [1])
                break
            except OSError as error:
                raised.append(error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers:
            os.close(filler)
    assert raised
    assert {error.errno for error in raised} == {errno.EMFILE}
    assert all(is_plain(error) for error in raised)
    assert LexicalIndex.open(written, 1).top_k(parse_query("fox"), 9)[0].tolist() == [3, 1]


@pytest.mark.parametrize(("free", "kind"), [(0, OSError), (1 << 40, LexicalIndexError)])
def test_a_thread_of_tantivy_that_ended_on_a_full_disk_is_a_full_disk(
    tmp_path, monkeypatch, free, kind
):
    def fail(*_):
        raise ValueError("An error occurred in a thread: 'An index writer was killed..'")

    monkeypatch.setattr(lexical_index, "_add", fail)
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(kind) as raised:
        lexical_index.write(tmp_path / "words-1", None, rows(TEXTS), [])
    assert is_plain(raised.value)
    assert (kind is OSError) == (getattr(raised.value, "errno", None) == errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []


def test_an_index_is_not_opened_where_no_thread_can_be_started(written, monkeypatch, capfd):
    def fail(_):
        raise RuntimeError("can't start new thread")  # the text of CPython 3.11

    monkeypatch.setattr(threading.Thread, "start", fail)
    for use in (
        lambda: LexicalIndex.open(written, 1),
        lambda: lexical_index.write(written.with_name("words-2"), written, rows([(9, "x")]), []),
    ):
        with pytest.raises(OSError, match="unavailable") as raised:
            use()
        assert raised.value.errno == errno.EAGAIN
    assert capfd.readouterr().err == ""
