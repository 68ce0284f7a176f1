"""Confluence spaces: the current version of each page, with what its storage format shows."""

from ragkit.documents.read import read_all


def item(kind, id_, *properties):
    return (
        f'<object class="{kind}" package="p"><id name="id">{id_}</id>{"".join(properties)}</object>'
    )


def value(name, text):
    return f'<property name="{name}"><![CDATA[{text}]]></property>'


def refers(name, kind, id_):
    return f'<property name="{name}" class="{kind}" package="p"><id name="id">{id_}</id></property>'


BODY = (
    '<h1>Escalation</h1><p>Page <ac:link><ri:user ri:userkey="u1" /></ac:link> after 15&nbsp;min, '
    'see <ac:link><ri:page ri:content-title="Rota" /></ac:link>.</p>'
    '<ac:structured-macro ac:name="info"><ac:parameter ac:name="icon">false</ac:parameter>'
    '<ac:parameter ac:name="title">Note</ac:parameter><ac:rich-text-body><p>Never twice.</p>'
    '</ac:rich-text-body></ac:structured-macro><ac:structured-macro ac:name="code">'
    "<ac:plain-text-body><![CDATA[if a < b: go()]]]]><![CDATA[></ac:plain-text-body>"
    "</ac:structured-macro><ac:task-list><ac:task><ac:task-id>1</ac:task-id>"
    "<ac:task-status>complete</ac:task-status><ac:task-body>Ring</ac:task-body></ac:task>"
    "</ac:task-list>"
)
EXPORT = "".join([
    '<?xml version="1.0" encoding="UTF-8"?>\n<hibernate-generic datetime="2024-03-12 10:00:00">',
    item("Space", 7, value("name", "Operations")),
    item("ConfluenceUserImpl", "u1", value("name", "jroe")),
    item("Page", 1, value("title", "Handbook"), refers("creator", "ConfluenceUserImpl", "u1"),
         value("creationDate", "2024-03-12 10:00:00.000"), value("contentStatus", "current"),
         refers("space", "Space", 7), refers("parent", "Page", 5)),
    item("BodyContent", 2, value("body", BODY), refers("content", "Page", 1)),
    item("Page", 3, value("title", "Handbook"), refers("originalVersion", "Page", 1)),
    item("BodyContent", 4, value("body", "old"), refers("content", "Page", 3)),
    item("Page", 5, value("title", "Home"), value("contentStatus", "current")),
    item("Page", 6, value("title", "Gone"), value("contentStatus", "deleted")),
    item("Comment", 8, refers("containerContent", "Page", 1),
         refers("creator", "ConfluenceUserImpl", "u1")),
    item("BodyContent", 9, value("body", "<p>Agreed.</p>"), refers("content", "Comment", 8)),
    item("Label", 10, value("name", "oncall")),
    item("Labelling", 11, refers("label", "Label", 10), refers("content", "Page", 1)),
    "</hibernate-generic>",
])  # fmt: skip


def test_each_page_is_a_document_in_its_current_version():
    records = {record.name: record.document for record in read_all(EXPORT.encode(), "entities.xml")}
    assert set(records) == {"Handbook", "Home"}
    page = records["Handbook"]
    assert page.text == (
        "Escalation\n\nPage @jroe after 15 min, see Rota.\n\nNote\n\nNever twice.\n\n"
        "if a < b: go()\n\n☑ Ring\n\nComment by jroe:\n\nAgreed."
    )
    assert page.title == "Handbook"
    assert page.metadata == {
        "from": "jroe", "date": "2024-03-12T10:00:00", "space": "Operations", "parent": "Home",
        "tags": "oncall",
    }  # fmt: skip
    assert [page.text[start:end] for start, end in page.fences] == ["if a < b: go()"]


def test_a_damaged_export_has_a_reason():
    (record,) = read_all(b"<hibernate-generic><object>", "entities.xml")
    assert record.reason.startswith("damaged Confluence export: ")


def test_an_export_without_pages_is_read_as_xml():
    data = b'<hibernate-generic><object class="Space"><id>words</id></object></hibernate-generic>'
    (record,) = read_all(data, "entities.xml")
    assert "words" in record.document.text


def test_code_in_a_body_keeps_its_signs_however_the_export_ends_it():
    code = "<ac:plain-text-body><![CDATA[if a < b && c[d[0]]: go()]] ></ac:plain-text-body>"
    data = (
        '<hibernate-generic><object class="Page"><id name="id">1</id></object>'
        f'<object class="BodyContent"><property name="body"><![CDATA[{code * 2}]]></property>'
        '<property name="content"><id name="id">1</id></property></object></hibernate-generic>'
    )
    (record,) = read_all(data.encode(), "entities.xml")
    assert record.document.text == "if a < b && c[d[0]]: go()\n\nif a < b && c[d[0]]: go()"
