"""A query with another library, as its documentation says, in a cold process:
`python cold_peers.py NAME build|query FOLDER`.

bench/commands/cold.py writes FOLDER. Runs under the Python interpreter that has the library and
imports nothing of ragkit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

NAME, STEP, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def encoder(name: str):
    sys.argv = ["engine.py", name, str(FOLDER)]  # engine.py reads the folder's path from there
    sys.path.insert(0, str(Path(__file__).parents[1] / "encoders"))
    import engine

    return getattr(engine, name)()


def texts() -> list[str]:
    return json.loads((FOLDER / "texts.json").read_text())


def sentence_transformers(query: str) -> None:
    print(encoder("sentence_transformers")([query])[0][:3])


def chroma(query: str) -> None:
    import chromadb

    client = chromadb.PersistentClient(
        str(FOLDER / "chroma-index"), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    collection = client.get_or_create_collection(
        "data", embedding_function=encoder("chroma"), metadata={"hnsw:space": "cosine"}
    )
    if STEP == "build":
        passages = texts()
        collection.add(ids=[str(i) for i in range(len(passages))], documents=passages)
    else:
        print(collection.query(query_texts=[query], n_results=10)["documents"][0][0][:80])


def txtai(query: str) -> None:
    from txtai import Embeddings

    if STEP == "build":
        embeddings = Embeddings(path=(FOLDER / "model.txt").read_text(), content=True, gpu=False)
        embeddings.index(texts())
        embeddings.save(str(FOLDER / "txtai-index"))
    else:
        embeddings = Embeddings()
        embeddings.load(str(FOLDER / "txtai-index"))
        print(embeddings.search(query, 10)[0]["text"][:80])


def fastembed(query: str) -> None:
    import numpy as np

    path = FOLDER / "fastembed-index.npy"
    if STEP == "build":
        np.save(path, np.asarray(encoder("fastembed")(texts())))
    else:
        vector = np.asarray(encoder("fastembed")([query]))[0]
        best = np.argsort(-(np.load(path, mmap_mode="r") @ vector))[:10]
        print(texts()[best[0]][:80])


STEPS = {
    function.__name__: function for function in (sentence_transformers, chroma, txtai, fastembed)
}
STEPS[NAME]((FOLDER / "query.txt").read_text())
