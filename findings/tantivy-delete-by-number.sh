#!/usr/bin/env bash
# tantivy 0.27.0 (Python): deleting by the number in an unsigned field deletes nothing, without an error.
# Expected: delete_documents_by_term(field, value) with a value that a query finds deletes these documents,
# or raises.
# Seen: a Python int becomes a signed term, which no document of an unsigned field has. The call returns
# a stamp as usual and the document stays. With a signed field, or by query, it is deleted.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tantivy==0.27.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import tantivy


def remaining(add_field, add_value, by_query):
    builder = tantivy.SchemaBuilder()
    getattr(builder, add_field)("number", stored=True, indexed=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(num_threads=1)
    for number in range(10):
        document = tantivy.Document()
        getattr(document, add_value)("number", number)
        writer.add_document(document)
    writer.commit()
    index.reload()
    query = index.parse_query("number:3", ["number"])
    found = index.searcher().search(query, 10).count
    stamp = writer.delete_documents_by_query(query) if by_query else writer.delete_documents_by_term("number", 3)
    writer.commit()
    index.reload()
    return found, stamp, index.searcher().num_docs


CASES = {
    "unsigned, by term": ("add_unsigned_field", "add_unsigned", False),
    "unsigned, by query": ("add_unsigned_field", "add_unsigned", True),
    "signed, by term": ("add_integer_field", "add_integer", False),
}
print("tantivy", version("tantivy"), "10 documents, deleting the one that number:3 finds")
seen = {}
for name, case in CASES.items():
    found, stamp, left = remaining(*case)
    seen[name] = (found, left)
    print(f"{name:20} found {found}, stamp {stamp}, {left} left")
expected = {"unsigned, by term": (1, 10), "unsigned, by query": (1, 9), "signed, by term": (1, 9)}
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: the document stays.")
PYTHON
