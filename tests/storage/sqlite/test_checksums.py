"""Checksums of rows: computed here by hand, from what docs/storage.md says."""

import hashlib

from ragkit.storage.sqlite import checksums, passages


def blake(data, size=8):
    return hashlib.blake2b(data, digest_size=size).digest()


def test_a_text_is_hashed_as_utf_8():
    assert checksums.text_checksum("Größe") == blake("Größe".encode())


def test_fields_are_hashed_as_a_json_array():
    assert checksums.fields_checksum(1, None, "ü", b"\x01\xff") == blake(
        b'[1,null,"\\u00fc","01ff"]'
    )


def test_every_row_that_is_written_has_its_checksum(store, add):
    add("a.txt", "Cats sleep. Dogs bark", title="Pets")
    with store.reading() as connection:
        document = connection.execute("SELECT * FROM documents").fetchone()
        rows = connection.execute("SELECT * FROM passages").fetchall()
    assert document["checksum"] == blake(b"Cats sleep. Dogs bark")
    assert document["fields_checksum"] == blake(b'[1,"","Pets","[]","[]",0,"{}"]')
    assert [row["checksum"] for row in rows] == [
        blake(f'[{row["id"]},1,{row["start"]},{row["end"]},null,null,null,null,"[]",2,'
              f'"{passages.text_hash(row["text"]).hex()}"]'.encode())
        for row in rows
    ]  # fmt: skip
