"""Files embedded in doc and ppt are documents of their own."""

import struct
import zlib

from ragkit.documents.read import read_all
from tests.documents.files import PNG
from tests.documents.mail_files import make_ole2
from tests.documents.ppt_files import atom, drawing, make_ppt, text_box
from tests.documents.word_files import make_doc


def test_files_and_pictures_in_a_doc_are_documents_of_their_own():
    body = b"\x02\0n.txt\0C:\\n.txt\0\0\0\3\0" + struct.pack("<I", 2) + b"t\0"
    body += struct.pack("<I", 6) + b"Words."
    native = struct.pack("<I", len(body)) + body
    png = PNG + bytes(60)
    picture = b"\x00\x6e\x1e\xf0" + struct.pack("<I", 17 + len(png)) + bytes(17) + png
    metafile = b"\x40\x3d\x1a\xf0" + struct.pack("<I", 40) + bytes(40)
    data = make_doc(
        "Body.\r",
        data=picture + picture + metafile,
        more={"ObjectPool": {"_1": {"\x01Ole10Native": native}, "_2": {"Contents": b"?"}}},
    )
    records = {record.name: record for record in read_all(data, "a.doc")}
    assert records[""].document.text == "Body."
    assert records["n.txt"].document.text == "Words."
    assert [(name, records[name].kind) for name in list(records)[2:]] == [
        ("object 2", "unsupported"),
        ("picture 1.png", "image"),
        ("picture 2.emf", "image"),
    ]


def test_files_and_pictures_in_a_ppt_are_documents_of_their_own():
    body = b"\x02\0n.txt\0C:\\n.txt\0\0\0\3\0" + struct.pack("<I", 2) + b"t\0"
    body += struct.pack("<I", 6) + b"Words."
    file = make_ole2({"\x01Ole10Native": struct.pack("<I", len(body)) + body})
    packed = struct.pack("<I", len(file)) + zlib.compress(file)
    macros = make_ole2({"VBA": {"dir": b"x"}})
    png = PNG + bytes(60)
    picture = b"\x00\x6e\x1e\xf0" + struct.pack("<I", 17 + len(png)) + bytes(17) + png
    objects = [atom(4113, packed, instance=1), atom(4113, macros), atom(4113, b"\1\2", instance=1)]
    data = make_ppt([drawing(text_box("Body"))], objects=objects, pictures=picture)
    records = {record.name: record for record in read_all(data, "a.ppt")}
    assert records["n.txt"].document.text == "Words."
    assert [*records] == ["", "n.txt", "object 3", "picture 1.png"]
    assert records["object 3"].kind == "damaged"
