#!/usr/bin/env bash
# pypdfium2 5.15.2 (PDFium 159.0.8149.0): the two letters of the Arabic ligature lam-alef are swapped.
# Expected: text comes out in reading order, as the file's own map of glyphs to text has it.
# Seen: PDFium expands the ligature to lam, alef and then turns the whole right-to-left run around, so
# that they come out as alef, lam: the word for peace becomes another word, and no search finds
# it. Words without the ligature are right.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check \
  pypdfium2==5.15.2 fpdf2==2.8.9 uharfbuzz==0.57.0 matplotlib==3.11.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import unicodedata
from importlib.metadata import version
from pathlib import Path

import fpdf
import matplotlib
import pypdfium2

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
PEACE = "\u0633\u0644\u0627\u0645"  # seen, lam, alef, meem: with the ligature
PEACE_SWAPPED = "\u0633\u0627\u0644\u0645"  # seen, alef, lam, meem
BOOK = "\u0643\u062a\u0627\u0628"  # kaf, teh, alef, beh: without

pdf = fpdf.FPDF()
pdf.add_page()
pdf.add_font("DejaVu", fname=FONT)
pdf.set_font("DejaVu", size=14)
pdf.set_text_shaping(use_shaping_engine=True)
for word in (PEACE, BOOK):
    pdf.cell(0, 10, word, new_x="LMARGIN", new_y="NEXT")
pdf.output("page.pdf")

read = pypdfium2.PdfDocument("page.pdf")[0].get_textpage().get_text_range().split()
print("pypdfium2", version("pypdfium2"), "PDFium", pypdfium2.PDFIUM_INFO, "fpdf2", version("fpdf2"))
for written, word in zip((PEACE, BOOK), read, strict=True):
    print("written", [unicodedata.name(letter).removeprefix("ARABIC LETTER ") for letter in written])
    print("read   ", [unicodedata.name(letter).removeprefix("ARABIC LETTER ") for letter in word])
if read != [PEACE_SWAPPED, BOOK]:
    raise SystemExit(f"CHANGED: {read}, was {[PEACE_SWAPPED, BOOK]}")
print("As described: lam and alef are swapped.")
PYTHON
