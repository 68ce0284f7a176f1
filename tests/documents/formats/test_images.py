"""Images: what the OCR engine receives, and which images have no document."""

import pytest

from ragkit.documents import detect
from ragkit.documents.ocr import OcrText
from ragkit.documents.read import read
from ragkit.errors import DocumentError
from ragkit.records import media_types
from tests.documents.engines import draw_boxes, encode_picture, fake_ocr

PIL = pytest.importorskip("PIL.Image", reason="the extra ocr is not installed")

BOX = [(10, 20, 50, 40)]
WORDS = OcrText("Words in it.", 93.0)


def engine_input(data, name="a.png", **limits):
    """Read an image; return the picture that the engine got, and its dots per inch."""
    engine, fake = fake_ocr(WORDS, **limits)
    document = read(data, name, engine)
    (image,) = fake.images
    assert document.text == "Words in it."
    return PIL.frombytes("L", (image.width, image.height), image.pixels), image.dpi


@pytest.mark.parametrize("media_type", media_types.IMAGES)
def test_every_image_format_is_read(media_type):
    data = encode_picture(draw_boxes(BOX), media_types.IMAGES[media_type])
    engine, _ = fake_ocr(WORDS)
    document = read(data, "named.wrongly", engine)
    assert (document.text, document.media_type) == ("Words in it.", media_type)
    assert (document.pages, document.metadata) == ((0,), {"ocr": "true"})
    assert detect.detect(data, "x.txt").media_type == media_type


@pytest.mark.parametrize("media_type", media_types.IMAGES)
def test_an_image_is_skipped_without_an_engine(media_type):
    reason = r"^no text layer; install ragkit-search\[ocr\]$"
    with pytest.raises(DocumentError, match=reason) as caught:
        read(encode_picture(draw_boxes(BOX), media_types.IMAGES[media_type]), "a")
    assert (caught.value.skipped, caught.value.kind) == (True, "image")


def test_tiff_frames_become_pages():
    pages = [draw_boxes(BOX), draw_boxes([]), draw_boxes(BOX)]
    data = encode_picture(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    engine, fake = fake_ocr(OcrText("One.", 90.0), OcrText(), OcrText("Three.", 90.0))
    document = read(data, "a.tiff", engine)
    assert [document.text.find(text) for text in ("One.", "Three.")] == [
        *(document.pages[0], document.pages[2])
    ]
    assert document.metadata == {"ocr": "true", "ocr_pages": "1, 3"}
    assert len(document.pages) == len(fake.images) == 3


def test_transparent_pixels_become_white():
    picture = draw_boxes(BOX, mode="RGBA", background=(0, 0, 0, 0))
    image, _ = engine_input(encode_picture(picture, "PNG", dpi=(300, 300)))
    assert (image.getpixel((30, 30)), image.getpixel((100, 60))) == (0, 255)


def test_16_bit_images_keep_their_grey_levels():
    half, white = (0x8000).to_bytes(2, "little"), b"\xff\xff"
    picture = PIL.frombytes("I;16", (200, 100), (half * 100 + white * 100) * 100)
    image, _ = engine_input(encode_picture(picture, "PNG", dpi=(300, 300)))
    assert (image.getpixel((30, 30)), image.getpixel((150, 60))) == (128, 255)


def test_the_exif_orientation_is_applied():
    picture = draw_boxes(BOX)
    exif = picture.getexif()
    exif[0x0112] = 6  # Exif 2.3, 4.6.4: rotate by 90 degrees clockwise
    image, _ = engine_input(encode_picture(picture, "TIFF", exif=exif, dpi=(300, 300)), "a.tiff")
    assert image.size == (100, 200)
    assert (image.getpixel((70, 30)), image.getpixel((30, 150))) == (0, 255)


def test_low_resolutions_are_enlarged_and_large_images_reduced():
    image, dpi = engine_input(encode_picture(draw_boxes(BOX), "PNG", dpi=(96, 96)))
    assert (image.size, dpi) == ((400, 200), 192)
    image, dpi = engine_input(
        encode_picture(draw_boxes(BOX, (4000, 1000)), "PNG", dpi=(600, 600)), megapixels=1.0
    )
    assert (image.size, dpi) == ((2000, 500), 300)


@pytest.mark.parametrize(
    ("answer", "size"), [(OcrText(), (200, 100)), (OcrText("~ i |", 41.0), (200, 100))]
)
def test_a_picture_without_confident_words_is_skipped(answer, size):
    engine, _ = fake_ocr(answer)
    with pytest.raises(DocumentError, match=r"^image without text$") as caught:
        read(encode_picture(draw_boxes(BOX, size), "PNG"), "a.png", engine)
    assert (caught.value.skipped, caught.value.kind) == (True, "image")


@pytest.mark.parametrize("size", [(8, 7), (128, 128), (1, 1)])
def test_an_icon_is_not_sent_to_the_engine(size):
    engine, fake = fake_ocr()
    reason = f"^an icon or avatar: {size[0]} × {size[1]} pixels$"
    with pytest.raises(DocumentError, match=reason) as caught:
        read(encode_picture(draw_boxes([], size), "PNG", dpi=(96, 96)), "a.png", engine)
    assert (caught.value.skipped, caught.value.kind) == (True, "no_document")
    assert not fake.images


@pytest.mark.parametrize(
    ("text", "size", "is_read"),
    [
        ("ACME Tools", (400, 200), False),
        ("ACME Tools", (1200, 800), True),  # a sign in a photograph
        ("Error 0x80070005: access denied", (400, 40), True),
    ],
)
def test_a_small_image_that_says_only_a_name_is_a_logo(text, size, is_read):
    engine, _ = fake_ocr(OcrText(text, 95.0))
    data = encode_picture(draw_boxes(BOX, size), "PNG")
    if is_read:
        assert read(data, "a.png", engine).text == text
    else:
        with pytest.raises(DocumentError, match=r"^a logo or badge: .*'ACME Tools'$") as caught:
            read(data, "a.png", engine)
        assert (caught.value.skipped, caught.value.kind) == (True, "no_document")


def test_damaged_and_too_large_images_are_refused():
    engine, _ = fake_ocr(WORDS)
    data = encode_picture(draw_boxes(BOX, (500, 500)), "JPEG")
    with pytest.raises(DocumentError, match=r"^damaged image: "):
        read(data[: len(data) // 2], "a.jpg", engine)
    large = encode_picture(PIL.new("1", (10_000, 9_000)), "PNG")
    with pytest.raises(DocumentError, match=r"^image of over 80 megapixels$") as caught:
        read(large, "a.png", engine)
    assert (caught.value.kind, caught.value.skipped) == ("limit", False)
    assert len(large) < 100_000


@pytest.mark.parametrize("frame", [0, 1])
def test_a_damaged_image_is_described(frame):
    """A frame of a TIFF without a width: Pillow raises errors of several types."""
    pages = [draw_boxes(BOX), draw_boxes(BOX)]
    data = bytearray(encode_picture(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    place = -1
    for _ in range(frame + 1):  # the entry for the width: tag 256, one number of 32 bits
        place = data.index(b"\x00\x01\x04\x00\x01\x00\x00\x00", place + 1)
    data[place : place + 2] = b"\x00\x70"
    engine, _ = fake_ocr(WORDS, WORDS)
    reason = ["^damaged image: expected the header of one of .*TIFF.*, found none$",
              "^damaged image: it cannot be decoded: Missing dimensions$"]  # fmt: skip
    with pytest.raises(DocumentError, match=reason[frame]):
        read(bytes(data), "a.tiff", engine)
