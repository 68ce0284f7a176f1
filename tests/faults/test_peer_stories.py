"""How other tools lost data or answered wrongly, one test for each story.

The stories come from the issue trackers of those tools; each test names one or two. What ragkit
promises instead is in docs/guarantees.md.
"""

from __future__ import annotations

import re
import shutil

import pypdfium2
import pytest

from ragkit.errors import ModelError
from ragkit.storage.lexical import index as lexical_index
from tests.conftest import WordEncoder
from tests.faults import checker

MODES = ("dense", "lexical", "hybrid")


def paths(collection, query, mode, k=50):
    return {hit.path for hit in collection.search(query, k=k, mode=mode)}


@pytest.fixture
def indexed(collection, folder):
    collection.index(folder)
    return collection


@pytest.mark.parametrize("mode", MODES)
def test_a_deleted_file_is_in_no_result(indexed, folder, mode):
    """private-gpt#1124, llama_index#6250: deleted documents were returned for ever."""
    assert "leave.txt" in paths(indexed, "parents stay at home", mode)
    (folder / "leave.txt").unlink()
    assert indexed.index(folder).removed == 1
    assert "leave.txt" not in paths(indexed, "parents stay at home", mode)
    contents = checker.read(indexed.folder)
    assert "leave.txt" not in contents.texts
    assert len(contents.vectors) == len(contents.passages)  # qmd#768: 86 % dead vector rows


def test_removing_a_document_embeds_nothing(indexed, encoder, folder):
    """private-gpt#1826: deleting 7.5 MB took seven hours."""
    before = len(encoder.encoded)
    assert indexed.remove(folder / "leave.txt") == 1
    assert len(encoder.encoded) == before


def test_an_unchanged_folder_is_not_embedded_again(indexed, encoder, folder):
    """private-gpt#1306, LEANN#89: every run began from the start."""
    before = len(encoder.encoded)
    assert indexed.index(folder).unchanged == 3
    (folder / "leave.txt").rename(folder / "renamed.txt")
    assert indexed.index(folder).moved == 1
    assert len(encoder.encoded) == before


def test_a_crash_does_not_mean_starting_over(open_collection, encoder, tmp_path):
    """private-gpt#1719: what was embedded before a crash was lost."""
    many = tmp_path / "many"
    many.mkdir()
    for number in range(40):
        (many / f"{number}.txt").write_text(f"Document number{number}. " + "word " * 30)
    collection = open_collection()
    collection.index(many)
    texts = len(encoder.encoded)
    (many / "new.txt").write_text("One more document.")

    class Crashes(WordEncoder):
        def encode_passages(self, texts):
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        open_collection(other=Crashes()).index(many)
    report = open_collection().index(many)
    assert report.embedded == 1
    assert len(encoder.encoded) == texts + 1


class SameSize(WordEncoder):
    """Another model whose vectors have the same length."""

    name = "other words"
    fingerprint = "e" * 64


def test_vectors_of_two_models_are_never_mixed(open_collection, folder):
    """statewave#421, open-webui#11279: the same dimension, so nobody noticed."""
    open_collection().index(folder)
    other = open_collection(other=SameSize())
    with pytest.raises(ModelError):
        other.search("parents stay at home")
    with pytest.raises(ModelError):
        other.index(folder)
    assert paths(open_collection(), "parents stay at home", "dense") != set()


@pytest.mark.parametrize("mode", MODES)
def test_a_restart_changes_no_result(open_collection, folder, mode):
    """chroma#7090: the index was lost after a restart."""
    first = open_collection()
    first.index(folder)
    hits = first.search("signing keys", mode=mode)
    first.close()
    assert open_collection().search("signing keys", mode=mode) == hits


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["vectors-*", "words-*/*"])
def test_a_truncated_index_file_is_rebuilt(open_collection, folder, notices, mode, name):
    """chroma#7238: a truncated segment ended the process."""
    first = open_collection()
    first.index(folder)
    hits = first.search("signing keys", mode=mode)
    first.close()
    for path in first.folder.glob(name):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert open_collection().search("signing keys", mode=mode) == hits


@pytest.mark.parametrize("mode", MODES)
def test_an_index_file_of_another_state_gives_no_wrong_result(open_collection, folder, mode):
    """mem0#7117: index and store had drifted apart; wrong texts had the best scores."""
    collection = open_collection()
    collection.index(folder)
    collection.close()
    old = folder.parent / "old"
    shutil.copytree(collection.folder, old)
    (folder / "leave.txt").write_text("Invoices are paid within thirty days.\n")
    (folder / "bees.txt").write_text("Bees dance to show the way.\n")
    collection = open_collection()
    collection.index(folder, rebuild=True)
    hits = {query: collection.search(query, mode=mode) for query in ("invoices", "bees dance")}
    collection.close()
    for kind in ("vectors-", "words-"):  # the old content under the new name
        (current,) = [path for path in collection.folder.glob(f"{kind}*") if _is_newest(path)]
        previous = max(old.glob(f"{kind}*"), key=_generation)
        shutil.rmtree(current) if current.is_dir() else current.unlink()
        copy = shutil.copytree if previous.is_dir() else shutil.copy2
        copy(previous, current)
    reopened = open_collection()
    assert {query: reopened.search(query, mode=mode) for query in hits} == hits


def _generation(path):
    return int(re.findall(r"\d+", path.stem)[-1])


def _is_newest(path):
    kind = path.name.split("-")[0]
    return _generation(path) == max(map(_generation, path.parent.glob(f"{kind}-*")))


def test_every_character_is_in_a_passage(collection, tmp_path):
    """llama_index PR#22133, vera#67: chunks were dropped or cut without a word."""
    folder = tmp_path / "long"
    folder.mkdir()
    text = "\n\n".join(
        f"# Part {n}\n\n" + " ".join(f"word{n}x{i}" for i in range(n * 7)) for n in range(1, 15)
    )
    (folder / "long.md").write_text(text)
    (folder / "line.txt").write_text("one line without an end " * 200)
    report = collection.index(folder)
    assert report.truncated_tokens == 0
    assert checker.problems_of_contents(checker.read(collection.folder), complete=True) == []


def test_the_lexical_index_is_not_built_for_each_query(indexed, monkeypatch):
    """open-webui#8579, Langchain-Chatchat#4339: BM25 was computed anew for each query."""
    built = []
    monkeypatch.setattr(lexical_index, "write", lambda *args: built.append(args))
    monkeypatch.setattr(lexical_index.LexicalIndex, "in_memory", lambda *args: built.append(args))
    for query in ("keys", "parents", "cats", "vault"):
        for mode in ("lexical", "hybrid"):
            indexed.search(query, mode=mode)
    assert built == []


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_a_filter_never_returns_too_few(collection, tmp_path, mode):
    """mem0#7416, langchain#17633: the filter was applied to the first k hits only."""
    folder = tmp_path / "many"
    (folder / "rare").mkdir(parents=True)
    for number in range(60):
        (folder / f"{number}.txt").write_text(f"Signing keys and vaults, number {number}.\n")
    for number in range(5):
        (folder / "rare" / f"{number}.txt").write_text(f"Cats sleep for {number} hours.\n")
    collection.index(folder)
    hits = collection.search("signing keys", k=5, mode=mode, where='path ~ "rare/**"')
    assert {hit.path for hit in hits} == {f"rare/{number}.txt" for number in range(5)}


def test_paths_of_any_script_work(encoder, tmp_path):
    """faiss#3073: index files in folders with such names could not be opened."""
    from ragkit import Collection

    folder = tmp_path / "文書 и ünïcode"
    folder.mkdir()
    (folder / "наука.txt").write_text("Bees dance to show the way.\n")
    for _ in range(2):
        with Collection(folder / "kit ✓", encoder=encoder) as collection:
            collection.index(folder)
            for mode in MODES:
                assert paths(collection, "bees dance", mode) == {"наука.txt"}


def test_a_document_without_text_is_reported(collection, folder):
    """rag_api PR#307: scanned PDFs were indexed as nothing, with success."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(300, 300)
    document.save(folder / "scan.pdf")
    report = collection.index(folder)
    assert [missing.path for missing in report.missing] == ["scan.pdf"]
    (file,) = [file for file in collection.files() if file.path == "scan.pdf"]
    assert file.status != "indexed"
    assert file.reason
    assert report.coverage.read < report.coverage.files


def test_one_bad_file_does_not_end_the_run(collection, folder):
    """private-gpt#453, private-gpt#1574: one damaged file and nothing was indexed."""
    for name in ("bad.pdf", "bad.docx", "bad.xlsx", "bad.zip", "bad.html.gz"):
        (folder / name).write_bytes(b"%PDF-1.7\nPK\x03\x04" + bytes(range(256)) * 4)
    (folder / "latin.txt").write_bytes(b"Caf\xe9 \xff\xfe\x00 text")
    report = collection.index(folder)
    assert report.added >= 3
    assert "leave.txt" in paths(collection, "parents stay at home", "dense")
    assert all(file.reason for file in report.documents)


def test_a_broken_encoder_is_an_error_and_no_search_by_words(open_collection, folder):
    """nowledge community#605: it fell back to keyword search without saying so."""

    class Broken(WordEncoder):
        def encode_queries(self, texts):
            raise ModelError("the model's server does not answer")

    open_collection().index(folder)
    for mode in ("dense", "hybrid"):
        with pytest.raises(ModelError, match="does not answer"):
            open_collection(other=Broken()).search("parents", mode=mode)
