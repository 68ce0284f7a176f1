#!/usr/bin/env bash
# tantivy 0.27.0: deleted documents count in BM25 until their segment is merged.
# Expected: a document's score depends on the documents that can be found: after deletions it is the
# score of an index that never held the deleted ones, as the number of documents (num_docs) is.
# Seen: the document frequency still counts the deleted documents, and so does the number of
# documents that BM25 divides by; num_docs does not. The binding has no call that merges.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tantivy==0.27.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import math
from importlib.metadata import version

import tantivy

KEPT, DELETED, OTHERS = "kept", 499, 500


def new_index():
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("body", stored=True)
    index = tantivy.Index(builder.build())
    return index, index.writer(num_threads=1)


def fill(writer, ids, body):
    for document_id in ids:
        writer.add_document(tantivy.Document(id=document_id, body=body))


def state(index):
    index.reload()
    searcher = index.searcher()
    hits = searcher.search(index.parse_query("pump", ["body"]), 10).hits
    ids = [searcher.doc(address)["id"][0] for _, address in hits]
    return searcher.num_docs, searcher.doc_freq("body", "pump"), ids, hits[0][0]


deleted = [f"deleted-{number}" for number in range(DELETED)]
others = [f"other-{number}" for number in range(OTHERS)]

aged, writer = new_index()
fill(writer, [KEPT, *deleted], "pump")
fill(writer, others, "wing")
writer.commit()
for document_id in deleted:
    writer.delete_documents_by_term("id", document_id)
writer.commit()

fresh, writer = new_index()
fill(writer, [KEPT], "pump")
fill(writer, others, "wing")
writer.commit()

print("tantivy", version("tantivy"))
print("                 num_docs  documents with the word  found     score")
for name, index in (("after deletions", aged), ("never held them", fresh)):
    documents, frequency, ids, score = state(index)
    print(f"{name}  {documents:8}  {frequency:23}  {ids}  {score:.4f}")


def idf(documents, frequency):  # all documents are one word long: the score is the idf
    return math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


expected = [(501, 500, [KEPT], idf(1000, 500)), (501, 1, [KEPT], idf(501, 1))]
seen = [state(aged), state(fresh)]
for was, now in zip(expected, seen, strict=True):
    if was[:3] != now[:3] or not math.isclose(was[3], now[3], rel_tol=1e-4):
        raise SystemExit(f"CHANGED: {now}, was {was}")
print("As described: the same documents, an eighth of the score.")
PYTHON
