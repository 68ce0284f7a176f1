"""Small Visio drawings (vsdx), made by hand for the readers' tests."""

from tests.documents.files import make_zip

NS = 'xmlns="http://schemas.microsoft.com/office/visio/2012/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPE = "http://schemas.microsoft.com/visio/2010/relationships"


def make_vsdx(masters=None, **pages):
    """Return a vsdx file with these pages: name → XML of its shapes and connections.

    `masters`: ID → XML of its shapes.
    """
    members = {"visio/document.xml": f"<VisioDocument {NS}/>"}
    members |= _part_list(
        "page", pages, [f'ID="{n}" Name="{name}"' for n, name in enumerate(pages)]
    )
    if masters:
        members |= _part_list("master", masters, [f'ID="{id_}"' for id_ in masters])
    return make_zip(members)


def _part_list(kind, parts, attributes):
    """Return the list of the pages or masters, its relationships, and its parts."""
    tag, folder = kind.capitalize(), f"visio/{kind}s"
    listed = "".join(
        f'<{tag} {own}><Rel r:id="rId{n}"/></{tag}>' for n, own in enumerate(attributes, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{TYPE}/{kind}" Target="{kind}{n}.xml"/>'
        for n in range(1, len(parts) + 1)
    )
    return {
        f"{folder}/{kind}s.xml": f"<{tag}s {NS} {R}>{listed}</{tag}s>",
        f"{folder}/_rels/{kind}s.xml.rels": f'<Relationships xmlns="{RELATIONS}">{relations}'
        "</Relationships>",
        **{
            f"{folder}/{kind}{n}.xml": f"<{tag}Contents {NS}>{content}</{tag}Contents>"
            for n, content in enumerate(parts.values(), 1)
        },
    }
