"""Relationships of OOXML parts, with the targets of ECMA-376 part 2, 9.3."""

from ragkit.documents.formats.office.ooxml import Relationship, read_relationships, related_parts
from ragkit.documents.unpacking.limits import open_zip
from tests.documents.files import make_zip
from tests.documents.office_files import RELATIONS, TYPES, relationships_part


def read(files, part):
    with open_zip(make_zip(files), "pptx") as package:
        return read_relationships(package, part), list(package.warnings)


def test_relative_and_absolute_targets():
    files = {
        "ppt/slides/_rels/slide1.xml.rels": relationships_part(
            ("r1", "slideLayout", "../layouts/layout1.xml"),
            ("r2", "chart", "/ppt/charts/chart1.xml"),
            ("r3", "image", "picture.png"),
        ),
        "ppt/layouts/layout1.xml": "",
        "ppt/charts/chart1.xml": "",
        "ppt/slides/picture.png": "",
    }
    assert read(files, "ppt/slides/slide1.xml")[0] == {
        "r1": Relationship("slideLayout", "ppt/layouts/layout1.xml"),
        "r2": Relationship("chart", "ppt/charts/chart1.xml"),
        "r3": Relationship("image", "ppt/slides/picture.png"),
    }


def test_external_and_missing_targets_are_left_out():
    link = f'<Relationship Id="r1" Type="{TYPES}/hyperlink" Target="a.xml" TargetMode="External"/>'
    missing = f'<Relationship Id="r2" Type="{TYPES}/image" Target="../../../etc/passwd"/>'
    part = f'<Relationships xmlns="{RELATIONS}">{link}{missing}</Relationships>'
    files = {"word/_rels/document.xml.rels": part, "word/a.xml": ""}
    assert read(files, "word/document.xml") == ({}, [])


def test_a_part_without_relationships_has_none_and_a_damaged_one_is_a_warning():
    assert read({"x/a.xml": ""}, "x/a.xml") == ({}, [])
    damaged = relationships_part(("r1", "chart", "b.xml"))[:-10]
    relationships, warnings = read({"x/_rels/a.xml.rels": damaged, "x/b.xml": ""}, "x/a.xml")
    assert relationships == {"r1": Relationship("chart", "x/b.xml")}
    assert warnings == ["x/_rels/a.xml.rels is damaged: read as far as it goes"]


def test_related_parts_are_those_of_one_kind():
    part = relationships_part(
        ("a", "chart", "1.xml"), ("b", "image", "2.xml"), ("c", "chart", "3.xml")
    )
    files = {"x/_rels/p.xml.rels": part, "x/1.xml": "", "x/2.xml": "", "x/3.xml": ""}
    with open_zip(make_zip(files), "pptx") as package:
        assert related_parts(package, "x/p.xml", "chart") == ["x/1.xml", "x/3.xml"]
