#!/usr/bin/env bash
# Unicode CLDR 48.2.0 (cldr-rbnf of npm; unicode-rbnf 2.4.1 of PyPI has the same rules): Lao number words
# change to Thai from one hundred on.
# Expected: the spell-out rules of Lao (lo) use Lao letters for every number, as they do from 0 to 99.
# Seen: hundred, thousand and the larger units are the Thai words in Thai letters (ร้อย, พัน, …), so 100 is
# written in two scripts. No index of Lao texts finds the result: Lao writes ຮ້ອຍ and ພັນ.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check unicode-rbnf==2.4.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import unicodedata
from importlib.metadata import version

from unicode_rbnf import RbnfEngine

print("unicode-rbnf", version("unicode-rbnf"))
engine = RbnfEngine.for_language("lo")
scripts = {}
for number in (23, 99, 100, 123, 1000):
    text = engine.format_number(number).text.replace("\u200b", "")
    scripts[number] = sorted({unicodedata.name(char).split()[0] for char in text})
    print(number, text, *scripts[number])
expected = {23: ["LAO"], 99: ["LAO"], 100: ["LAO", "THAI"], 123: ["LAO", "THAI"], 1000: ["LAO", "THAI"]}
if scripts != expected:
    raise SystemExit(f"CHANGED: {scripts}, was {expected}")
print("As described: Lao numbers of three digits are written in two scripts.")
PYTHON
