"""Pages of a drawing as a document."""

from ragkit.documents.formats.diagrams.pages import DrawingPage, LabelledLine, drawing_document


def test_connections_need_the_labels_of_both_ends():
    page = DrawingPage("One")
    page.add("a", " Load \n\n balancer ")
    page.add("", "Note")
    page.add("b", "  ")
    page.connections += [LabelledLine("a", "b", "to nothing"), LabelledLine("a", "b")]
    document = drawing_document([page], "text/x-test")
    assert document.text == "Load\nbalancer\n\nNote\n\nto nothing"
    assert (document.title, document.pages, document.headings) == ("One", (), ())
