"""Charts and diagrams, which slides, text documents and sheets keep in parts of their own.

Adds the title and the rows of a chart, or the labels of a diagram (SmartArt), to a layout.
"""

from __future__ import annotations

from ragkit.documents.formats.office.charts import chart_rows
from ragkit.documents.formats.office.ooxml import Relationship
from ragkit.documents.formats.office.pptx_shapes import ShapeContent, read_shapes
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.unpacking.limits import ZipPackage


def write_drawing(package: ZipPackage, link: Relationship, layout: BlockLayout) -> None:
    """Add the chart or the diagram that a relationship leads to; other kinds are left out."""
    if link.kind == "chart":
        title, rows = chart_rows(package, link.part)
        layout.add(title)
        ShapeContent([*rows]).write(layout)
    elif link.kind == "diagramData":
        shapes = read_shapes(package, link.part).shapes
        ShapeContent([item for shape in shapes for item in shape.content.items]).write(layout)
