"""Small PDF, docx and zip files, made by hand for the readers' tests."""

from __future__ import annotations

import io
import zipfile

TRANSITIONAL = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def make_pdf(pages, title="", encrypted=False, image=False, outline=()):
    """Return a PDF. `pages`: their lines of text; "" is an empty page, or one with an image.

    A line that begins with "^" has space above it, like a new paragraph. `outline`: (title, page
    from 0).
    """
    kids = " ".join(f"{10 + 2 * number} 0 R" for number in range(len(pages)))
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R/Outlines 7 0 R>>",
        2: f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        4: f"<</Title({title})>>".encode(),
        5: _stream(
            b"\xff",
            b"/Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8"
            b"/ColorSpace/DeviceGray",
        ),
        6: b"<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">>>",
    }
    last = 1001 + len(outline) - 1
    objects[7] = b"<</Type/Outlines/First 1001 0 R/Last %d 0 R>>" % last if outline else b"<<>>"
    for number, (words, page) in enumerate(outline, 1001):
        following = f"/Next {number + 1} 0 R" if number < last else ""
        entry = f"<</Title({words})/Parent 7 0 R/Dest[{10 + 2 * page} 0 R/Fit]{following}>>"
        objects[number] = entry.encode("latin-1")
    for number, page in enumerate(pages):
        lines = "".join(
            f"{'T* ' * line.startswith('^')}({line.removeprefix('^')}) Tj T* "
            for line in page.split("\n")
        )
        content = f"BT /F 12 Tf 14 TL 50 700 Td {lines}ET" if page else "/I Do" if image else ""
        objects[10 + 2 * number] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 900 800]/Resources<</Font<</F 3 0 R>>"
            b"/XObject<</I 5 0 R>>>>/Contents %d 0 R>>" % (11 + 2 * number)
        )
        objects[11 + 2 * number] = _stream(content.encode("latin-1"))
    data, offsets = b"%PDF-1.4\n", {}
    for number, body in objects.items():
        offsets[number] = len(data)
        data += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(data)
    for number, offset in offsets.items():
        data += (b"xref\n" if number == 1 else b"") + b"%d 1\n%010d 00000 n \n" % (number, offset)
    security = b"/Encrypt 6 0 R/ID[<41><41>]" if encrypted else b""
    return data + b"trailer<</Size 9999/Root 1 0 R/Info 4 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
        security,
        start,
    )


def _stream(content, entries=b""):
    return b"<</Length %d%s>>stream\n%s\nendstream " % (len(content), entries, content)


def make_docx(body, namespace=TRANSITIONAL, **parts):
    """Return a docx. `body`: XML; `parts`: XML by name, such as styles="<w:style …>"."""
    root = f'<w:{{0}} xmlns:w="{namespace}" xmlns:mc="http://schemas.openxmlformats.org/'
    root += 'markup-compatibility/2006">{1}</w:{0}>'
    files = {"word/document.xml": root.format("document", f"<w:body>{body}</w:body>")}
    for name, content in parts.items():
        if name == "core":
            files["docProps/core.xml"] = (
                '<cp:x xmlns:cp="urn:x" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                f"{content}</cp:x>"
            )
        else:
            files[f"word/{name}.xml"] = root.format(name, content)
    return make_zip(files)


def make_zip(files):
    """Return a zip archive. `files`: content by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # A fixed time: pytest makes ids of tests from short archives.
            info = name
            if isinstance(name, str):
                info = zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6))
                info.external_attr = 0o600 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def read_zip(data):
    """Return the content of a zip archive by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def paragraph(text, style="", properties=""):
    """Return a `w:p` with one run. `style`: a style id; `properties`: XML for `w:pPr`."""
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
