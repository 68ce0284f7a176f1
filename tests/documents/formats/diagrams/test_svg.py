"""SVG: labels of drawings; icons are no documents."""

import pytest

from ragkit.documents.read import read
from ragkit.errors import DocumentError

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>Topology</title>{}</svg>'


def test_labels_in_the_order_of_the_file():
    labels = (
        "<style>text { fill: red }</style><desc>Edge to core</desc><rect/><text>Edge router</text>"
        '<g><title>tip</title><text><tspan>Core</tspan><tspan x="1" dy="1em">switch</tspan></text>'
        '</g><foreignObject><div xmlns="http://www.w3.org/1999/xhtml"><p>In HTML</p></div>'
        "</foreignObject>"
    )
    document = read(SVG.format(labels).encode(), "a.svg")
    assert (
        document.text == "Topology\n\nEdge to core\n\nEdge router\n\ntip\n\nCore\nswitch\n\nIn HTML"
    )
    assert document.title == "Topology"


@pytest.mark.parametrize("content", ["", "<path d='M0 0'/>", "<g><title>GitHub</title></g>"])
def test_an_icon_is_no_document(content):
    with pytest.raises(DocumentError, match=r"^SVG image without text$") as caught:
        read(SVG.format(content).encode(), "logo.svg")
    assert (caught.value.kind, caught.value.skipped) == ("no_document", True)


def test_damage_is_reported():
    with pytest.raises(DocumentError, match=r"^damaged SVG: "):
        read(b"<svg><text>a</svg>", "a.svg")


def test_of_a_switch_only_what_is_shown_is_read():
    label = "<foreignObject><div>Label</div></foreignObject><text>Label…</text>"
    data = (
        f'<svg xmlns="http://www.w3.org/2000/svg"><switch>{label}</switch><text>After</text>'
        "<switch><g/><a><text>Text is not SVG - cannot display</text></a></switch><switch>"
        '<text systemLanguage="de">Hallo</text><text>Hello</text></switch></svg>'
    )
    assert read(data.encode(), "a.svg").text == "Label\n\nAfter\n\nHallo\n\nHello"
