"""OCR engines: which one is used, its input, and its failures."""

import os
import sys

import pytest

from ragkit.documents.ocr import OcrLimits, OcrText, PageImage
from ragkit.documents.sandbox import ocr_engines
from ragkit.documents.sandbox.ocr_engines import OcrOptions, Tesseract, create_engine, parse_tsv
from ragkit.errors import UsageError
from tests.documents.engines import render_page
from tests.documents.files import make_pdf

PAGE = PageImage(3, 2, bytes((0, 50, 100, 150, 200, 255)), 150)
COLUMNS = "level page_num block_num par_num line_num word_num left top width height conf text"
# Two paragraphs, the first of two lines, with a speck between them.
ROWS = """
1 1 0 0 0 0 0 0 99 99 -1
5 1 1 1 1 1 10 10 20 9 96.0 Green
5 1 1 1 1 2 40 10 20 9 90.0 tea
5 1 1 1 2 1 10 30 20 9 84.0 steeps.
5 1 2 1 1 1 10 50 20 9 12.5 ~
5 1 3 1 1 1 10 70 20 9 95.0 Coffee
"""
TABLE = "\n".join("\t".join(line.split()) for line in [COLUMNS, *ROWS.split("\n")])

STUB = f"""#!{sys.executable}
import os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
if "--version" in sys.argv:
    print("tesseract 9.8.7")
elif "--list-langs" in sys.argv:
    print("List of available languages (3):", "deu", "eng", "osd", sep=chr(10))
else:
    page = sys.stdin.buffer.read()
    with open(os.path.join(here, "asked"), "wb") as file:
        file.write(" ".join(sys.argv[1:]).encode() + b"|" + page)
    with open(os.path.join(here, "variables"), "w") as file:
        file.write(" ".join(os.environ))
    BEHAVE
    sys.stdout.write({TABLE!r})
"""


@pytest.fixture
def install_stub(tmp_path, monkeypatch):
    """Return a function that installs a program in place of tesseract, with given behaviour."""
    if os.name == "nt":
        pytest.skip("a script with a #! line is no program here")

    def install(behave="pass"):
        program = tmp_path / "bin" / "tesseract"
        program.parent.mkdir(exist_ok=True)
        program.write_text(STUB.replace("BEHAVE", behave))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        monkeypatch.setitem(
            ocr_engines.IS_INSTALLED, "tesseract", lambda: ocr_engines.find_tesseract() is not None
        )
        return program

    return install


def test_words_become_lines_and_paragraphs():
    recognised = parse_tsv(TABLE)
    assert recognised.text == "Green tea\nsteeps.\n\nCoffee"
    # (5 * 96 + 3 * 90 + 7 * 84 + 6 * 95) / 21
    assert recognised.confidence == 90.9


@pytest.mark.parametrize("table", ["", "5", "x\n5\t1\t1\t1\t1\t1\t0\t0\t0\t0\thigh\tword", "\n\n"])
def test_an_invalid_table_has_no_text(table):
    assert parse_tsv(table) == OcrText()


def test_tesseract_gets_only_pixels(install_stub, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    program = install_stub()
    engine = create_engine(OcrOptions())
    assert (engine.name, engine.languages) == ("tesseract 9.8.7", "eng+deu")
    assert engine.recognise(PAGE) == parse_tsv(TABLE)
    received = (program.parent / "asked").read_bytes()
    assert received == b"stdin stdout -l eng+deu --dpi 150 tsv|P5\n3 2\n255\n" + PAGE.pixels
    variables = (program.parent / "variables").read_text().split()
    assert "OMP_THREAD_LIMIT" in variables and "SECRET" not in variables


@pytest.mark.parametrize(
    ("behave", "seconds", "reason"),
    [
        ("sys.exit('no data')", 60, "tesseract failed: no data"),
        ("os._exit(3)", 60, "tesseract failed: 3"),
        ("time.sleep(600)", 0.5, "took longer than 0.5 s"),
    ],
)
def test_a_failure_of_tesseract_affects_only_its_page(install_stub, behave, seconds, reason):
    engine = Tesseract(str(install_stub(behave)), "eng", OcrLimits(seconds=seconds))
    assert engine.recognise(PAGE) == OcrText(reason=reason)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_the_memory_of_tesseract_is_limited(install_stub):
    program = install_stub("time.sleep(0.3); bytearray(400 << 20)")
    outcome = Tesseract(str(program), "eng", OcrLimits(memory_mb=256)).recognise(PAGE)
    assert outcome.reason.startswith("tesseract failed: ")
    assert "MemoryError" in outcome.reason


def test_a_language_that_is_not_installed_is_an_error(install_stub):
    install_stub()
    assert create_engine(OcrOptions(languages="deu")).languages == "deu"
    with pytest.raises(UsageError, match=r"^ocr_languages is 'deu\+fra'; tesseract has: deu\+eng$"):
        create_engine(OcrOptions(languages="deu+fra"))


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [("fra eng osd deu", "eng+deu+fra"), ("fra osd", "fra"), ("a b c d e eng", "eng")],
)
def test_default_languages_are_those_installed_if_they_are_few(installed, chosen):
    listing = "\n".join(["List:", *installed.split()])
    assert ocr_engines._select_languages(listing, None) == chosen


def test_a_selected_engine_must_be_installed():
    assert create_engine(OcrOptions()) is None
    with pytest.raises(UsageError, match=r"^ocr_engine is rapidocr, which is not installed"):
        create_engine(OcrOptions("rapidocr"))


def test_a_broken_tesseract_is_a_warning_unless_it_was_selected(install_stub, caplog):
    install_stub().write_text(f"#!{sys.executable}\nraise SystemExit(1)")
    assert create_engine(OcrOptions()) is None
    assert caplog.messages[0].startswith("text in images is not recognised: ")
    with pytest.raises(UsageError, match="does not work"):
        create_engine(OcrOptions("tesseract"))


def test_a_program_in_the_working_folder_is_not_run(install_stub, monkeypatch):
    monkeypatch.chdir(install_stub().parent)
    assert ocr_engines.find_tesseract() is None


def test_the_description_names_engine_and_languages(install_stub):
    assert OcrOptions().describe() is None
    install_stub()
    assert OcrOptions(languages="deu").describe().startswith("tesseract deu")
    assert OcrOptions(limits=OcrLimits(pages=0)).describe() is None


def test_an_installed_tesseract_reads_a_printed_page():
    program = ocr_engines.find_tesseract()
    if program is None:
        pytest.skip("tesseract is not installed")
    engine = Tesseract(program, None, OcrLimits())
    page = render_page(make_pdf(["Rotate the signing keys\nevery ninety days."]), 0)
    recognised = engine.recognise(PageImage(*page.size, page.tobytes(), 200))
    assert recognised.text == "Rotate the signing keys\nevery ninety days."
    assert recognised.confidence > 80
