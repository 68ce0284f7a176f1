#!/usr/bin/env bash
# sentence-transformers 6.2.0 beside beir 2.2.0: two values of nDCG@10 for one ranking.
# Expected: InformationRetrievalEvaluator on a BEIR data set gives the nDCG@10 of BEIR's evaluation.
# Seen: where queries are documents of the corpus (ArguAna, Quora) BEIR drops the document whose id is the
# query's before it measures; the evaluator keeps it, on rank 1, because it is the same text.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check \
  sentence-transformers==6.2.0 torch==2.13.0 transformers==5.24.0 pytrec-eval-terrier==0.5.11
"$folder/venv/bin/pip" install -qq --disable-pip-version-check --no-deps beir==2.2.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from beir.retrieval.evaluation import EvaluateRetrieval
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

CORPUS = {"1": "pump valve", "2": "pump motor", "3": "wing flap", "4": "wing rudder"}
QUERIES = {"1": CORPUS["1"], "3": CORPUS["3"]}  # documents that ask for their counterparts
QRELS = {"1": {"2": 1}, "3": {"4": 1}}

words = ["[UNK]", "pump", "valve", "motor", "wing", "flap", "rudder"]
tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
table = StaticEmbedding(tokenizer, embedding_weights=np.eye(len(words), dtype=np.float32))
model = SentenceTransformer(modules=[table], device="cpu")

evaluator = InformationRetrievalEvaluator(
    QUERIES, CORPUS, {query: set(documents) for query, documents in QRELS.items()}
)
by_evaluator = next(value for name, value in evaluator(model).items() if name.endswith("cosine_ndcg@10"))

scores = model.similarity(model.encode(list(QUERIES.values())), model.encode(list(CORPUS.values())))
run = {
    query: dict(zip(CORPUS, map(float, row), strict=True)) for query, row in zip(QUERIES, scores, strict=True)
}
by_beir = EvaluateRetrieval.evaluate(QRELS, run, [10])[0]["NDCG@10"]

print("sentence-transformers", version("sentence-transformers"), "beir", version("beir"))
print(f"nDCG@10 of the same vectors: {by_evaluator:.4f} by the evaluator, {by_beir:.4f} by BEIR")
if (round(float(by_evaluator), 4), round(by_beir, 4)) != (0.6309, 1.0):
    raise SystemExit(f"CHANGED: {by_evaluator} and {by_beir}, was .6309 and 1")
print("As described: the query itself takes rank 1 in one of them.")
PYTHON
