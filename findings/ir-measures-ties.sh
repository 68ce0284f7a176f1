#!/usr/bin/env bash
# ir-measures 0.4.3: one call ranks documents of equal score in two opposite orders.
# Expected: all measures of one call see the same ranking, so that RR@10 equals RR for two documents.
# Seen: each measure goes to the library that computes it. pytrec_eval (P, RR, AP, nDCG) puts the
# greater id first among equal scores, the other one (RR@k, Judged@k) the smaller. So P@1 and RR@1
# contradict each other, and RR@10 is .5 where RR is 1.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check ir-measures==0.4.3 pytrec-eval-terrier==0.5.11
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import ir_measures
from ir_measures import AP, RR, Judged, P, Success, nDCG

MEASURES = [P @ 1, Success @ 1, RR, AP, nDCG @ 10, RR @ 1, RR @ 10, Judged @ 1]
run = [ir_measures.ScoredDoc("q", "a", 1.0), ir_measures.ScoredDoc("q", "b", 1.0)]

print("ir-measures", version("ir-measures"), "pytrec-eval-terrier", version("pytrec-eval-terrier"))
print("two documents of equal score, a and b     ", *(f"{measure!s:>9}" for measure in MEASURES))
seen = {}
for relevant in ("a", "b"):
    qrels = [ir_measures.Qrel("q", relevant, 1)]
    results = ir_measures.calc_aggregate(MEASURES, qrels, run)
    seen[relevant] = [round(float(results[measure]), 4) for measure in MEASURES]
    print(f"relevant and judged: {relevant}                     ", *(f"{v:>9}" for v in seen[relevant]))

expected = {
    "a": [0.0, 0.0, 0.5, 0.5, 0.6309, 1.0, 1.0, 1.0],
    "b": [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.5, 0.0],
}
if seen != expected:
    raise SystemExit(f"CHANGED: {seen}, was {expected}")
print("As described: the first rank is relevant by P@1 and is not by RR@1, or the reverse.")
PYTHON
