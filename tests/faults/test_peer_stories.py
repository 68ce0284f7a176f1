"""How other tools lost data or answered wrongly, one test for each story.

The stories come from the issue trackers of those tools; each test names one or two. What ragkit
promises instead is in docs/guarantees.md.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing

import pypdfium2
import pytest

from ragkit.errors import ModelError
from ragkit.storage.lexical import index as lexical_index
from tests.conftest import REPOSITORY, WordEncoder
from tests.documents.files import make_pdf
from tests.faults import checker

MODES = ("dense", "lexical", "hybrid")
# Stories with a test elsewhere.
ELSEWHERE = {
    "qmd PR#851: an empty mount erased the index": (
        "ingest/test_missing_files.py::test_a_mounted_disk_that_is_not_mounted_now_keeps_its_files"
    ),
    "open-webui#12655, open-webui#11592, anything-llm#2027: citations were wrong or missing": (
        "retrieval/test_citations.py::test_the_citation_of_every_hit_returns_its_text"
    ),
    "the same in answers": (
        "answers/test_pipeline.py::test_unsupported_statements_are_listed_and_unknown_citations_"
        "removed"
    ),
    "llama_index#17171: text over the model's window was cut off": (
        "passages/test_split.py::test_passages_over_the_window_when_counted_alone_are_halved"
    ),
    "ragflow#10844: passages lost their context": (
        "passages/test_split.py::test_the_header_names_the_title_and_the_innermost_heading"
    ),
    "private-gpt#1719: a killed run began from the start": (
        "ingest/test_interruption.py::test_a_killed_run_is_resumed"
    ),
    "open-webui#3168, open-webui#9727: nothing worked without a network": (
        "test_network_access.py::test_indexing_searching_and_answering_look_up_no_name"
    ),
    "open-webui#8597, llama_index#11500: one file took all memory": (
        "documents/sandbox/test_processes.py::test_the_memory_of_a_worker_is_limited"
    ),
    "qmd#881: a web page read the index through a rebound name": (
        "serving/test_security.py::test_forged_host_and_origin_are_refused_by_every_endpoint"
    ),
    "qmd#886: the settings of a cloned repository ran commands": (
        "test_settings.py::test_the_project_file_of_a_checkout_may_not_decide_what_can_harm"
    ),
    "smart-second-brain#393: gibberish had a score of .5, and no cosine told it from a match": (
        "retrieval/test_notices.py::test_a_query_without_any_known_word_and_with_low_scores_has_"
        "nothing_close"
    ),
    "joplin PR#16118, cerefox PR#104: a minimum means something else with another encoder": (
        "models/test_relevance.py::test_a_search_leaves_out_what_is_unlikely_to_answer"
    ),
    "hindsight#3534: 99.6 % of the time went into reranking": (
        "retrieval/test_rerank.py::test_reranking_stops_within_its_budget"
    ),
    "next-plaid#126: every release embedded everything again": (
        "storage/sqlite/test_stored_collections.py::"
        "test_a_stored_collection_is_migrated_and_searched_as_before"
    ),
    "ai-memory#776: a migration of 22 hours without a word, and nothing to search meanwhile": (
        "maintenance/test_migrate.py::test_a_kill_at_any_instant_leaves_the_old_encoder_and_the_next_"
        "run_goes_on"
    ),
    "cass#256, xberg#691: processors without AVX2 ended the process without a message": (
        "encoders/engines/test_processor.py::"
        "test_there_is_a_message_before_torch_may_end_the_process"
    ),
}


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


def test_indexing_a_part_deletes_nothing_else(indexed, folder, tmp_path):
    """memsearch#613, LEANN#386, oikb#41: indexing one file deleted all others."""
    everything = {"keys.md", "leave.txt", "sub/cats.txt"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "bees.txt").write_text("Bees dance to show the way.\n")
    for part in (folder / "leave.txt", folder / "sub", tmp_path / "other"):
        assert indexed.index(part).removed == 0
    assert indexed.remove(folder / "sub" / "cats.txt") == 1
    assert set(checker.read(indexed.folder).texts) == everything - {"sub/cats.txt"} | {"bees.txt"}


def test_similar_names_are_different_files(collection, tmp_path):
    """qmd#717: names that differ in "_", " " and "-" only replaced each other."""
    folder = tmp_path / "similar"
    folder.mkdir()
    names = {"a_b.txt", "a b.txt", "a-b.txt", "a.b.txt", "A_b.txt", "a__b.txt", "a%20b.txt"}
    for number, name in enumerate(sorted(names)):
        (folder / name).write_text(f"Signing keys of team {number}.\n")
    present = {path.name for path in folder.iterdir()}  # fewer where case does not count
    for _ in range(2):
        collection.index(folder)
        assert paths(collection, "signing keys", "dense") == present
    for name in present:
        assert collection.get(name).path == name


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


def test_a_release_that_cuts_texts_in_another_way_embeds_only_what_is_new(indexed, encoder, folder):
    """next-plaid#126: every release embedded everything again."""
    before = len(encoder.encoded)
    indexed.close()
    with closing(sqlite3.connect(indexed.folder / "ragkit.db")) as connection, connection:
        connection.execute("UPDATE files SET recipe = 'of another release'")
    assert indexed.index(folder).updated == 3
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


def test_a_model_of_another_dimension_is_refused(open_collection, folder):
    """LightRAG#3213: after a change of the model every query failed."""

    class Wider(SameSize):
        dimension = 96

    open_collection().index(folder)
    wider = open_collection(other=Wider())
    with pytest.raises(ModelError, match="index --rebuild"):
        wider.search("parents stay at home")
    with pytest.raises(ModelError, match="index --rebuild"):
        wider.index(folder)
    wider.index(folder, rebuild=True)
    assert paths(wider, "parents stay at home", "dense") != set()


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


def test_a_citation_names_the_page_of_its_text(collection, tmp_path):
    """LibreChat#7565: answers cited wrong pages."""
    (tmp_path / "pdf").mkdir()
    texts = ("Signing keys are rotated. ", "", "Cats sleep by day. ", "Bees dance for food. ")
    pages = [(text * 24).strip() for text in texts]
    (tmp_path / "pdf" / "book.pdf").write_bytes(make_pdf(pages))
    collection.index(tmp_path / "pdf")
    found = {hit.page: hit for hit in collection.search("cats bees keys", k=50)}
    assert set(found) == {1, 3, 4}
    for page, hit in found.items():
        assert hit.text.startswith(texts[page - 1].strip())
        assert hit.citation.startswith(f"book.pdf#page={page}")
        assert hit.text in collection.get(hit.citation).text
        assert pages[page - 1] in collection.get(f"book.pdf#page={page}").text


def test_a_minimal_score_is_a_cosine_in_every_mode(indexed):
    """unsloth PR#5910: a BM25 score was compared with a minimum for cosines; anything-llm#4080."""
    for mode in MODES:
        hits = indexed.search("signing keys", k=50, mode=mode)
        floor = sorted(hit.score for hit in hits)[len(hits) // 2]
        expected = [hit.passage_id for hit in hits if hit.score >= floor]
        kept = indexed.search("signing keys", k=50, mode=mode, min_score=floor)
        assert [hit.passage_id for hit in kept] == expected


def test_what_the_documents_do_not_answer_is_declined(indexed):
    """anything-llm#1430: there was an answer to everything."""
    answer = indexed.ask("which volcano erupted yesterday?", llm=False)
    assert not answer.answerable
    assert answer.citations == ()


def test_rows_of_a_long_table_keep_its_header(collection, encoder, tmp_path):
    """ragflow#7996, ragflow#10844: passages of a table had lost the names of its columns."""
    (tmp_path / "table").mkdir()
    rows = "\n".join(f"| town{n} | {n * 1000} |" for n in range(40))
    (tmp_path / "table" / "t.md").write_text(
        f"# Census\n\n| place | inhabitants |\n| --- | --- |\n{rows}\n"
    )
    collection.index(tmp_path / "table")
    assert len(encoder.encoded) > 3
    assert all("place" in text and "inhabitants" in text for text in encoder.encoded)


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
    """mem0#7416, langchain#17633, Flowise#4970: the filter was applied to the first k hits only."""
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


@pytest.mark.parametrize("story", ELSEWHERE)
def test_the_tests_of_other_stories_exist(story):
    path, _, name = ELSEWHERE[story].partition("::")
    assert f"def {name}(" in (REPOSITORY / "tests" / path).read_text(encoding="utf-8")
