"""Models that are worth choosing: what their cards say, and published results.

Contract: `CATALOG` is a table of constants. The results are nDCG@10 × 100 of the public MTEB
results repository of August 2026, in the folder of the model (`KnownModel.source`): `beir` over all
tasks of BEIR, `out_of_domain` over eight that most models were not trained on (ArguAna,
CQADupstack, FiQA, NFCorpus, SCIDOCS, SciFact, TREC-COVID, Touché). BM25 alone has 39.8 in both.
Knows no files.
"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.encoders.spec import DEFAULT_MODEL, MULTILINGUAL_MODEL

SOURCE = "nDCG@10 x 100, public MTEB results of August 2026; BM25 alone: 39.8 and 39.8"
OWN_ENGINES = "numpy and onnxruntime"
_RESULTS = "https://github.com/embeddings-benchmark/results/tree/main/results"
_BGE_PROMPT = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A row of the table. None: not published, or not compared."""

    name: str
    parameters: int  # millions
    dimension: int
    window: int  # tokens
    languages: str
    licence: str
    query_prompt: str
    passage_prompt: str
    beir: float | None
    out_of_domain: float | None
    engine: str
    note: str = ""

    @property
    def source(self) -> str:
        """The address of the published figures, in the results of each task."""
        organization, _, name = self.name.rpartition("/")
        return f"{_RESULTS}/{organization or 'sentence-transformers'}__{name}"


CATALOG = (
    KnownModel(
        DEFAULT_MODEL, 23, 384, 256, "English", "Apache-2.0", "", "", 42.0, 38.8, OWN_ENGINES,
        "the default: installed as a package, fast, and below BM25 outside its domain",
    ),
    KnownModel(
        MULTILINGUAL_MODEL, 118, 384, 512, "about 100", "MIT", "query: ", "passage: ", 46.7, 39.3,
        OWN_ENGINES, "--model multilingual; MIRACL 60.1 (default 8.8)",
    ),
    KnownModel(
        "MongoDB/mdbr-leaf-ir", 23, 768, 512, "English", "Apache-2.0", _BGE_PROMPT, "", 53.6, 47.6,
        OWN_ENGINES, "as large as the default",
    ),
    KnownModel(
        "Snowflake/snowflake-arctic-embed-xs", 23, 384, 512, "English", "Apache-2.0", _BGE_PROMPT,
        "", 50.2, 44.1, OWN_ENGINES,
    ),
    KnownModel(
        "Snowflake/snowflake-arctic-embed-s", 33, 384, 512, "English", "Apache-2.0", _BGE_PROMPT,
        "", 52.0, 46.8, OWN_ENGINES,
    ),
    KnownModel(
        "BAAI/bge-small-en-v1.5", 33, 384, 512, "English", "MIT", _BGE_PROMPT, "", 51.7, 45.8,
        OWN_ENGINES,
    ),
    KnownModel(
        "thenlper/gte-small", 33, 384, 512, "English", "MIT", "", "", 49.5, 44.1, OWN_ENGINES
    ),
    KnownModel(
        "intfloat/e5-small-v2", 33, 384, 512, "English", "MIT", "query: ", "passage: ", 49.0, 42.1,
        OWN_ENGINES,
    ),
    KnownModel(
        "ibm-granite/granite-embedding-30m-english", 30, 384, 512, "English", "Apache-2.0", "", "",
        49.1, 44.0, OWN_ENGINES,
    ),
    KnownModel(
        "ibm-granite/granite-embedding-small-english-r2", 47, 384, 8_192, "English", "Apache-2.0",
        "", "", 50.9, 46.1, OWN_ENGINES, "long documents",
    ),
    KnownModel(
        "Alibaba-NLP/gte-modernbert-base", 149, 768, 8_192, "English", "Apache-2.0", "", "", 55.2,
        49.0, OWN_ENGINES, "long documents; the slowest of this table",
    ),
    KnownModel(
        "minishlab/potion-retrieval-32M", 32, 512, 512, "English", "MIT", "", "", None, None,
        "numpy", "static: a lookup, hundreds of times as fast as a transformer; MTEB(eng, v2) "
        "retrieval 35.1 (default 42.9)",
    ),
)  # fmt: skip
