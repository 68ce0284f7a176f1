"""Images as documents: how they come before an engine, and when they are none."""

from io import BytesIO

import pytest

from ragkit.documents import READERS, detect, read
from ragkit.documents.ocr import Recognised
from ragkit.errors import DocumentError
from ragkit.records import media_types
from tests.documents.engines import drawn
from tests.documents.test_ocr import PIL, saved, seen

BOX = [(10, 20, 50, 40)]
WORDS = Recognised("Words in it.", 93.0)


def shown(data, name="a.png", **limits):
    """The picture that an engine gets to see."""
    engine, fake = seen(WORDS, **limits)
    document = read(data, name, engine)
    (image,) = fake.images
    assert document.text == "Words in it."
    return PIL.frombytes("L", (image.width, image.height), image.pixels), image.dpi


@pytest.mark.parametrize("media_type", media_types.IMAGES)
def test_every_kind_of_image_is_read(media_type):
    data = saved(drawn(BOX), media_types.IMAGES[media_type])
    engine, _ = seen(WORDS)
    document = read(data, "named.wrongly", engine)
    assert (document.text, document.media_type) == ("Words in it.", media_type)
    assert (document.pages, document.metadata) == ((0,), {"ocr": "true"})
    assert media_type not in READERS and detect.media_type(data, "x.txt") == media_type


@pytest.mark.parametrize("media_type", media_types.IMAGES)
def test_without_an_engine_an_image_is_no_document(media_type):
    with pytest.raises(DocumentError, match=r"^no text layer; install ragkit\[ocr\]$") as caught:
        read(saved(drawn(BOX), media_types.IMAGES[media_type]), "a")
    assert (caught.value.skipped, caught.value.kind) == (True, "image")


def test_frames_of_a_tiff_are_pages():
    pages = [drawn(BOX), drawn([]), drawn(BOX)]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    engine, fake = seen(Recognised("One.", 90.0), Recognised(), Recognised("Three.", 90.0))
    document = read(data, "a.tiff", engine)
    assert [document.text.find(each) for each in ("One.", "Three.")] == [
        *(document.pages[0], document.pages[2])
    ]
    assert document.metadata == {"ocr": "true", "ocr_pages": "1, 3"}
    assert len(document.pages) == len(fake.images) == 3


def test_what_is_transparent_is_white():
    picture = drawn(BOX, mode="RGBA", ground=(0, 0, 0, 0))
    seen_as, _ = shown(saved(picture, "PNG", dpi=(300, 300)))
    assert (seen_as.getpixel((30, 30)), seen_as.getpixel((100, 60))) == (0, 255)


def test_sixteen_bits_keep_their_shades():
    half, white = (0x8000).to_bytes(2, "little"), b"\xff\xff"
    picture = PIL.frombytes("I;16", (200, 100), (half * 100 + white * 100) * 100)
    seen_as, _ = shown(saved(picture, "PNG", dpi=(300, 300)))
    assert (seen_as.getpixel((30, 30)), seen_as.getpixel((150, 60))) == (128, 255)


def test_a_photograph_is_turned_upright():
    picture = drawn(BOX)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    seen_as, _ = shown(saved(picture, "TIFF", exif=exif, dpi=(300, 300)), "a.tiff")
    assert seen_as.size == (100, 200)
    assert (seen_as.getpixel((70, 30)), seen_as.getpixel((30, 150))) == (0, 255)


def test_small_letters_are_made_larger_and_large_images_smaller():
    seen_as, dpi = shown(saved(drawn(BOX), "PNG", dpi=(96, 96)))
    assert (seen_as.size, dpi) == ((400, 200), 192)
    seen_as, dpi = shown(saved(drawn(BOX, (4000, 1000)), "PNG", dpi=(600, 600)), megapixels=1.0)
    assert (seen_as.size, dpi) == ((2000, 500), 300)


@pytest.mark.parametrize(
    ("answer", "size"), [(Recognised(), (200, 100)), (Recognised("~ i |", 41.0), (200, 100))]
)
def test_a_picture_of_no_words_is_no_document(answer, size):
    engine, _ = seen(answer)
    with pytest.raises(DocumentError, match=r"^image without text$") as caught:
        read(saved(drawn(BOX, size), "PNG"), "a.png", engine)
    assert (caught.value.skipped, caught.value.kind) == (True, "image")


def test_an_icon_is_not_looked_at():
    engine, fake = seen()
    with pytest.raises(DocumentError, match=r"^image without text$"):
        read(saved(drawn([], (8, 7)), "PNG", dpi=(96, 96)), "a.png", engine)
    assert not fake.images


def test_damaged_and_enormous_images_have_their_reasons():
    engine, _ = seen(WORDS)
    whole = saved(drawn(BOX, (500, 500)), "JPEG")
    with pytest.raises(DocumentError, match=r"^damaged image: "):
        read(whole[: len(whole) // 2], "a.jpg", engine)
    large = saved(PIL.new("1", (10_000, 9_000)), "PNG")
    with pytest.raises(DocumentError, match=r"^image of over 80 megapixels$") as caught:
        read(large, "a.png", engine)
    assert (caught.value.kind, caught.value.skipped) == ("limit", False)
    assert len(BytesIO(large).getvalue()) < 100_000
