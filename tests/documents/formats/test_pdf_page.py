"""Pages as pictures: which part of a page is boxed, and where. Positions are worked out by hand:
`make_pdf` writes 12-point lines 14 points apart, from (50, 700) on a page of 900 × 800 points."""

import pytest

from ragkit.documents.formats.pdf_page import find_letters, letters, render_pdf_page
from ragkit.errors import DocumentError
from tests.documents.files import make_pdf

PDF = make_pdf(
    ["Alpha beta gamma.\nRotate the signing keys\nevery ninety days.\nAlpha beta gamma.", "Second"]
)


def boxes(passage, before=0, page=1, data=PDF):
    return render_pdf_page(data, page, 900, 10**6, passage, before).boxes


def test_each_line_of_a_passage_has_a_box():
    first, second = boxes("Rotate the signing keys every ninety days.")
    # The baselines are at y = 686 and 672 of 800, measured from below.
    for (left, top, width, height), baseline in ((first, 686), (second, 672)):
        assert left == pytest.approx(50 / 900, abs=0.003)
        assert top < (800 - baseline) / 800 < top + height + 0.002
        assert 0.005 < height < 0.02 and 0.05 < width < 0.3


def test_words_that_occur_twice_are_found_by_the_text_before_them():
    (upper,) = boxes("Alpha beta gamma.")
    (lower,) = boxes("Alpha beta gamma.", before=50)
    assert upper[1] < lower[1]


def test_a_passage_that_is_not_on_the_page_has_no_box():
    assert boxes("Something else entirely, which is nowhere on this page at all.") == ()
    assert boxes("") == boxes("...") == ()


def test_a_passage_of_which_the_middle_differs_is_boxed_by_its_ends():
    text = "".join(letters("One two three four five six seven eight nine ten " * 3))
    needle = text[:60] + "xx" + text[62:]
    assert find_letters(text, needle, 0) == (0, len(text))
    assert find_letters("abc", "abd", 0) is None


def test_hyphens_ligatures_and_case_do_not_matter():
    assert "".join(letters("Eﬃ-\ncient Ⅻ")) == "efficientxii"


def test_a_picture_has_the_width_that_is_asked_for_within_the_limit():
    picture = render_pdf_page(PDF, 2, 450, 10**6)
    assert abs(picture.width - 450) <= 1 and abs(picture.height - 400) <= 1
    assert len(picture.pixels) == 3 * picture.width * picture.height
    small = render_pdf_page(PDF, 2, 4000, 10_000)
    assert small.width * small.height <= 10_000


@pytest.mark.parametrize(("data", "page"), [(PDF, 3), (PDF, 0), (b"%PDF-1.4 broken", 1)])
def test_a_page_that_is_not_there_is_reported(data, page):
    with pytest.raises(DocumentError):
        render_pdf_page(data, page, 500, 10**6)
