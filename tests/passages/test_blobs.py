"""Encoded data costs one passage and a warning, however it is broken into lines."""

import base64
import binascii
import hashlib
import textwrap

import pytest

from ragkit.passages.blobs import blob_spans, blob_warning

BYTES = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(100))  # 3,200
BASE64 = base64.b64encode(BYTES).decode()


def dump(data):
    """Return the lines of `hexdump -C`."""
    return "\n".join(
        f"{offset:08x}  {data[offset : offset + 16].hex(' ')}  |................|"
        for offset in range(0, len(data), 16)
    )


ENCODED = {
    "mime": "\n".join(textwrap.wrap(BASE64, 76)),
    "pgp": "\n".join(textwrap.wrap(BASE64, 64)),
    "xml": "<data>\n" + "\n".join(f"      {line}" for line in textwrap.wrap(BASE64, 72)),
    "joined": " ".join(textwrap.wrap(BASE64, 76)),
    "quoted": "\n".join(f"> {line}" for line in textwrap.wrap(BASE64, 76)),
    "vcard": "\r\n ".join(textwrap.wrap(BASE64, 74)),
    "code": '" +\n    "'.join(textwrap.wrap(BASE64, 70)),
    "hex lines": "\n".join(textwrap.wrap(BYTES.hex(), 64)),
    "hex dump": dump(BYTES),
    "byte array": ",\n".join(f"0x{byte:02x}" for byte in BYTES),
    "uuencoded": "".join(
        binascii.b2a_uu(BYTES[start : start + 45]).decode() for start in range(0, 3150, 45)
    ),
}


@pytest.mark.parametrize("name", ENCODED)
def test_only_the_beginning_of_encoded_lines_is_searched(name):
    before, after = "The picture shows the pump.\n\n", "\n\nIt was taken in May."
    text = before + ENCODED[name] + after
    rest = text
    for start, end in reversed(list(blob_spans(text))):
        rest = rest[:start] + rest[end:]
    assert len(rest) < len(before + after) + 260, rest
    assert before.strip() in rest
    assert after.strip() in rest
    assert "encoded data in lines: " in blob_warning(text)


def test_a_word_and_lines_are_one_warning():
    assert blob_warning(f"{'A' * 3_000} and {ENCODED['mime']}") == (
        "a word of over 2,000 characters: 2,900 characters not searched; "
        f"encoded data in lines: {len(ENCODED['mime']) - 100:,} characters not searched"
    )


PATH = "src/main/java/com/example/service/orders/part{:02}/impl"


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(PATH.format(number) for number in range(50)),
        "\n".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(20)),
        "\n".join(" ".join(f"{row * column:02}" for column in range(10)) for row in range(99)),
        "\n".join(f"{100000 + row * 7} 10 20 30 40 50 60 70" for row in range(99)),
        "\n".join(["MANY WORDS IN CAPITALS STAND HERE AND THE LINE ENDS EARLY NOW"] * 3),
        "\n".join(textwrap.wrap("word " * 500, 76)),
        "\n".join(
            ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vdGFyZWFsa2V5YnV0bG9uZ2Vub3VnaA me"] * 9
        ),
        "\n".join(f"the_very_long_name_of_a_function_number_{number}" for number in range(40)),
    ],
)
def test_text_is_no_encoded_data(text):
    assert list(blob_spans(text)) == []
    assert blob_warning(text) is None
