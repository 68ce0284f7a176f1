#!/usr/bin/env bash
# tantivy 0.27.0: after a commit that failed, a writer accepts and commits documents that it drops.
# Expected: after the error of commit() the writer either works, or raises until it is reset.
# Seen: one document whose field has the wrong type makes commit() raise. From then on add_document()
# and commit() succeed, with rising stamps, and store nothing; rollback() is what ends that state.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tantivy==0.27.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import tantivy

builder = tantivy.SchemaBuilder()
builder.add_text_field("id", stored=True, tokenizer_name="raw")
builder.add_unsigned_field("year", stored=True, indexed=True)
index = tantivy.Index(builder.build())
writer = index.writer(num_threads=1)


def add(document_id, year):
    document = tantivy.Document(id=document_id)
    document.add_unsigned("year", year) if isinstance(year, int) else document.add_text("year", year)
    writer.add_document(document)


def commit(step):
    try:
        result = f"returned {writer.commit()}"
    except ValueError as error:
        result = f"raised {error}"
    index.reload()
    stored = index.searcher().num_docs
    print(f"{step:36} {stored} stored, commit {result}")
    return stored, result.split()[0]


print("tantivy", version("tantivy"))
seen = []
add("first", 2024)
seen.append(commit("a good document"))
add("second", "unknown")
seen.append(commit("text in an unsigned field"))
for name in ("third", "fourth"):
    add(name, 2025)
    seen.append(commit("a good document"))
writer.rollback()
add("fifth", 2026)
seen.append(commit("a good document after rollback()"))

expected = [(1, "returned"), (1, "raised"), (1, "returned"), (1, "returned"), (2, "returned")]
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: two documents were committed without an error and are not there.")
PYTHON
