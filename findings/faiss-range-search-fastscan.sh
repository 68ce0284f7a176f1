#!/usr/bin/env bash
# faiss 1.15.1: range_search of the fast-scan IVF indexes returns vectors outside the radius.
# Expected: range_search(radius) returns the vectors whose distance, as search() estimates it for the same
# index, is below the radius (for inner products: above).
# Seen: IVFx,PQfs does so until the radius is below its smallest estimate: then it returns the whole index
# instead of nothing (and for inner products nothing instead of everything, below the lowest). For
# IVFx,RaBitQfs the distances are other ones than search() has, some of them negative: near vectors are
# missing, most of the others are there. IVFx,RaBitQ and IVFx,SQ8 are right.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check faiss-cpu==1.15.1 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import faiss
import numpy as np

N, DIMENSIONS, LISTS = 4000, 64, 16
random = np.random.default_rng(0)
groups = np.repeat(random.normal(size=(N // 10, DIMENSIONS)), 10, axis=0)
vectors = groups + 0.02 * random.normal(size=(N, DIMENSIONS))
vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
query = vectors[:1]  # with nine others within a squared distance of .01

print("faiss", faiss.__version__, f"{N} unit vectors in groups of 10; ids: of range_search, of search()")
print(f"{'index':15} {'measure':13} {'radius':>6} {'ids':>11}  right ones")
seen = {}
for measure, metric, radii in (
    ("L2", faiss.METRIC_L2, (0.1, 0.5, 2.0)),
    ("inner product", faiss.METRIC_INNER_PRODUCT, (0.7, -1.5)),
):
    for name in ("SQ8", "RaBitQ", "PQ16x4fs", "RaBitQfs"):
        index = faiss.index_factory(DIMENSIONS, f"IVF{LISTS},{name}", metric)
        index.train(vectors)
        index.add(vectors)
        index.nprobe = LISTS  # all lists: nothing is left out for speed
        distances, ids = index.search(query, N)
        for radius in radii:
            inside = distances < radius if measure == "L2" else distances > radius
            expected = set(ids[inside & (ids >= 0)].tolist())
            returned = set(index.range_search(query, radius)[2].tolist())
            both = len(expected & returned)
            seen[name, measure, radius] = (len(returned), len(expected), both)
            print(f"IVF{LISTS},{name:9} {measure:13} {radius:6} {len(returned):5} {len(expected):5}  {both}")

wrong = {case for case, (returned, expected, both) in seen.items() if not returned == expected == both}
described = {("PQ16x4fs", "L2", 0.1), ("PQ16x4fs", "inner product", -1.5)}
described |= {("RaBitQfs", "L2", radius) for radius in (0.1, 0.5, 2.0)}
described |= {("RaBitQfs", "inner product", radius) for radius in (0.7, -1.5)}
whole = seen["PQ16x4fs", "L2", 0.1]
if wrong != described or whole != (N, 0, 0):
    raise SystemExit(f"CHANGED: wrong for {sorted(wrong)}, was {sorted(described)}")
print("As described: the whole index for a radius that no estimate is below.")
PYTHON
