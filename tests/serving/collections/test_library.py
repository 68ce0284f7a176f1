"""Collections by name: the encoder that they share and the documents that they list."""

from ragkit import Collection, Settings
from ragkit.serving.collections.library import Library, label_roots


def test_collections_with_the_same_model_share_one_encoder(
    make_library, folder, tmp_path, encoder, monkeypatch
):
    make_library(one=folder, two=folder)
    loaded = []
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: loaded.append(spec) or encoder)
    settings = Settings(passage_tokens=40, overlap=0.0)
    opened = {
        name: Collection(tmp_path / "kits" / name, create=False, settings=settings)
        for name in ("one", "two")
    }
    library = Library(opened)
    library.warm()
    assert len(loaded) == 1
    assert opened["one"].encoder() is opened["two"].encoder()
    library.close()


def test_a_shared_encoder_of_another_model_is_not_used(folder, tmp_path, encoder, monkeypatch):
    class Other(type(encoder)):
        name = "other"
        fingerprint = "e" * 64

    encoders = {"words": encoder, "other": Other()}
    for name, other in encoders.items():
        with Collection(tmp_path / name, encoder=other) as collection:
            collection.index(folder)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda spec: encoders[spec.name])
    one, other = (Collection(tmp_path / name, create=False) for name in encoders)
    one.encoder()
    other.share_encoder(one)
    assert other.encoder() is encoders["other"]
    assert other.search("cats", k=1)[0].path == "sub/cats.txt"
    one.close()
    other.close()


def test_root_labels_contain_no_path():
    roots = ("/home/ann/notes", "/srv/notes", "/")
    assert label_roots(roots) == {"notes": roots[0], "notes (2)": roots[1], "root": roots[2]}


def test_documents_are_read_in_pages_and_parts(collection, folder):
    collection.index(folder)
    entries = collection.documents()
    assert [result.path for result in entries] == ["keys.md", "leave.txt", "sub/cats.txt"]
    assert collection.documents(after=entries[0].id, limit=1) == entries[1:2]
    entry, text = collection.document(entries[1].id, 8, 7)
    assert (entry, text) == (entries[1], "may sta")
    (hit,) = collection.search("cats", k=1)
    assert collection.document(hit.document_id)[0].path == hit.path == "sub/cats.txt"


def test_query_vectors_of_a_batch_are_cached_like_single_ones(
    collection, folder, encoder, monkeypatch
):
    collection.index(folder)
    encoded = []
    plain = encoder.encode_queries
    monkeypatch.setattr(
        encoder, "encode_queries", lambda texts: encoded.extend(texts) or plain(texts)
    )
    first = collection.search_many(["cats", "keys", "cats"])
    again = collection.search_many(["keys", "home", "cats"])
    assert encoded == ["cats", "keys", "home"]
    assert (again[0], again[2]) == (first[1], first[0])
    assert collection.search("home") == again[1]
    assert encoded == ["cats", "keys", "home"]


def test_a_reference_may_name_its_collection(make_library, folder):
    library = make_library(notes=folder, default=folder)
    assert library.locate("notes:leave.txt") == (library["notes"], "leave.txt")
    assert library.locate("leave.txt") == (library["default"], "leave.txt")
    assert library.locate("other:leave.txt") == (library["default"], "other:leave.txt")
