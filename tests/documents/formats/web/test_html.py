"""HTML: the text that a reader of the page sees, its structure and its metadata."""

import pytest

from ragkit.documents.formats.web.html import read_html, read_page


def read(markup):
    return read_html(markup.encode(), "a.html")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>foo<b>bar</b> baz</p>", "foobar baz"),
        ("<p>one\n  two&nbsp;three</p><p>four", "one two three\n\nfour"),
        ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc"),
        ("<p>one<br>two<br/><br>three</p>", "one\ntwo\nthree"),
        ("<p>&lt;tag&gt; &amp; &eacute;</p>", "<tag> & é"),
        ("<p>hy&shy;phen zero\u200bwidth</p>", "hyphen zerowidth"),
        ("<p>a<script>b</script><style>c</style><!-- d --><template>e</template></p>", "a"),
        ("<p>a</p><svg><title>b</title><text>c</text></svg>", "a"),
        ("<p>Intro:</p><ul><li>a<li>b</ul><p>End", "Intro:\n\n- a\n- b\n\nEnd"),
        ("<ol start=3><li>a<li><p>b</p><p>c</p></ol>", "3. a\n4. b\nc"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c"),
        ("<dl><dt>Term<dd>Meaning<dt>Next<dd>More</dl>", "Term\nMeaning\n\nNext\nMore"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "A | B\n1 | 2"),
        (
            "<p>x<table><caption>C</caption><tr><td>1<td><p>2</p><p>3</p></table>y",
            "x\n\nC\n\n1 | 2 3\n\ny",
        ),
        ("<h2>Title<a class=headerlink href=#x>¶</a></h2>", "Title"),
        ("<h2><a href=#x>#</a>C#</h2>", "C#"),
        ("<p>2<sup>64</sup>, H<sub>2</sub>O, x<sub>1</sub>", "2^64, H2O, x_1"),
        ("<p>It was effective<sup>12</sup>.", "It was effective [12]."),
        (
            "<p>In 1998<sup><a href=#n3>3</a></sup> and<a href=#n4><sup>4</sup></a>",
            "In 1998 [3] and [4]",
        ),
        ("<p>The 1<sup>st</sup> m<sup>2</sup>", "The 1st m²"),
        ("<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>へ", "東京へ"),
        ("<h3><button aria-expanded=false>Who pays?</button></h3><p>We.", "Who pays?\n\nWe."),
        ("<button><h3>Who pays?</h3></button><p>We.", "Who pays?\n\nWe."),
        ("<p>a <img src=x.png alt='Plan of the pump'> b", "a [Plan of the pump] b"),
        ("<p>a<img alt=logo><img alt='my photo.png'>b", "ab"),
        (
            "<p><span style='position: absolute'>a</span><span style=position:absolute>b</span>",
            "a b",
        ),
        ("<p>a<p hidden>b", "a\n\nb"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_elements_are_laid_out_as_text(markup, text):
    assert read(markup).text == text


@pytest.mark.parametrize(
    "markup",
    [
        "<nav>x</nav>",
        "<header>x</header>",
        "<footer>x</footer>",
        "<div role=navigation>x</div>",
        "<div class='nav navbar'>x</div>",
        "<select><option>x</select>",
        "<button>x</button>",
        "<noscript>x</noscript>",
    ],
)
def test_navigation_headers_and_footers_are_dropped(markup):
    assert read(f"<body>{markup}<p>The text.</p></body>").text == "The text."


def test_books_hide_elements_and_alternatives_of_formulas():
    page = (
        b"<p>a<p hidden>b</p><p><epub:switch><epub:case><math><mn>1</mn></math></epub:case>"
        b"<epub:default>one</epub:default></epub:switch>"
    )
    assert read_page(page, in_book=True).text == "a\n\n1"


def test_a_header_with_the_title_or_in_an_article_is_kept():
    assert read("<header><h1>T</h1></header><p>a").text == "T\n\na"
    assert read("<article><header>By me</header><p>a</article>").text == "By me\n\na"


def test_the_only_main_element_is_the_page_if_it_has_most_of_the_text():
    rest = "<div>Share this page</div>"
    assert read(f"{rest}<main><p>{'text ' * 20}</p></main>{rest}").text == ("text " * 20).strip()
    assert "Share" in read(f"{rest}<main><p>text</p></main>{rest}").text
    two = f"{rest}<article>{'a ' * 50}</article><article>{'b ' * 50}</article>"
    assert "Share" in read(two).text
    assert read(f"{rest}<h1>T</h1><div role=main>{'x' * 99}</div>").text == "T\n\n" + "x" * 99


def test_headings_and_fences_span_their_text():
    document = read(
        "<h1>One</h1><p>text</p><pre>\n  code\n\n  <b>more</b>\n</pre><h3>A <i>b</i></h3>"
    )
    assert document.text == "One\n\ntext\n\n  code\n\n  more\n\nA b"
    headings = [
        (heading.level, document.text[heading.start : heading.end]) for heading in document.headings
    ]
    assert headings == [(1, "One"), (3, "A b")]
    assert [document.text[start:end] for start, end in document.fences] == ["  code\n\n  more"]


def test_elements_inside_of_pre_are_lines():
    assert read("<pre><div>a</div><div>b</div>c<br>d</pre>").text == "a\nb\nc\nd"


def test_a_page_that_is_laid_out_in_a_table_is_not_a_row():
    page = f"<table><tr><td>{'menu ' * 300}<td><p>{'text ' * 300}</p><p>end</p></table>"
    assert read(page).text.endswith("text\n\nend")
    assert read("<table><tr><td><pre>1\n2</pre><td><pre>a\nb</pre></table>").fences == (
        (0, 3),
        (5, 8),
    )


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title> A\n page </title>", "A page"),
        ("<title>Write-Ahead Log</title><h1>Other</h1>", "Write-Ahead Log"),
        ("<title>Install — Some Tool 1.2 documentation</title><h1>Install</h1>", "Install"),
        ("<title>Some Tool | Install</title><h1>Install</h1>", "Install"),
        ("<title></title><h1>Heading</h1>", "Heading"),
        ("<p>none", None),
    ],
)
def test_the_title_has_no_site_name_and_no_placeholder(head, title):
    assert read(head).title == title


def test_metadata_comes_from_meta_elements_and_links():
    document = read(
        "<html lang=en><head><meta name=Description content=' What it\nis '><meta name=author"
        " content=Ada><link rel=canonical href=https://x.y/z></head><p>x"
    )
    assert document.metadata == {
        "language": "en",
        "description": "What it is",
        "author": "Ada",
        "canonical": "https://x.y/z",
    }


@pytest.mark.parametrize(
    ("head", "key", "value"),
    [
        ("<html xml:lang=de>", "language", "de"),
        ("<meta http-equiv=Content-Language content=fr>", "language", "fr"),
        ("<html lang=en><meta http-equiv=Content-Language content=fr>", "language", "en"),
        ("<meta property=og:url content=https://x.y/z>", "canonical", "https://x.y/z"),
        ("<link rel='nofollow CANONICAL' href=/a><link rel=canonical href=/b>", "canonical", "/a"),
        ("<meta property=og:description content=A><meta name=description>", "description", "A"),
        ("<meta property=article:published_time content=2024-01-02>", "created", "2024-01-02"),
        ("<meta name=keywords content=' a,\n b '>", "keywords", "a, b"),
    ],
)
def test_metadata_keys_have_alternative_names(head, key, value):
    assert read(f"{head}<body><p>x").metadata == {key: value}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("<meta charset=koi8-r><p>Привет".encode("koi8-r"), "koi8-r"),
        ("<?xml version='1.0' encoding='cp1251'?><html><p>Привет".encode("cp1251"), "cp1251"),
        ("<meta charset=latin-1><p>Привет".encode(), "utf-8"),
        ("<p>Привет".encode("utf-16"), "utf-16-le"),
    ],
)
def test_the_encoding_is_declared_or_detected(data, encoding):
    document = read_html(data, "a.html")
    assert (document.text, document.encoding) == ("Привет", encoding)


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "h1", "q", "section", "dl"])
def test_a_page_that_nests_a_hundred_thousand_deep_is_read(tag):
    document = read(f"<{tag}>" * 100_000 + "the text")
    assert document.text.rstrip().endswith("the text")


def test_a_page_that_nests_too_deep_loses_its_layout_but_no_text():
    document = read("<div>a <b>b</b>c<script>x</script>" * 30_000)
    assert document.text.startswith("a bc\na bc\n")
    assert document.warnings == ("nested too deep: read without its structure",)


def test_formatting_that_is_never_closed_counts_as_nesting():
    # The HTML standard reopens all of it in every paragraph: 20,000 elements, 60,000 times.
    document = read("".join(f"<b id={n}>" for n in range(20_000)) + "<p>x" * 60_000)
    assert document.warnings == ("nested too deep: read without its structure",)
    assert document.text == "\n".join(["x"] * 60_000)


def test_a_real_page(real_files):
    document = read_html((real_files / "sqlite/wal.html").read_bytes(), "wal.html")
    assert document.title == "Write-Ahead Logging"
    assert document.text.startswith("1. Overview\n\nThe default method by which SQLite implements")
    assert "Small. Fast. Reliable." not in document.text


def headings(html):
    document = read_html(html.encode(), "x.html")
    return [(heading.level, heading.text) for heading in document.headings]


def test_a_bold_line_above_text_is_a_heading_of_the_lowest_level():
    page = (
        "<h2>Limits</h2><ol><li><p><b>Length of a name</b></p><p>Sixty characters.</p></li>"
        "<li><p><b>Number of <i>columns</i></b></p><p>Two thousand.</p></li></ol>"
        "<p><strong>(1) May I?</strong></p><p>You may.</p>"
    )
    assert headings(page) == [
        (2, "Limits"),
        (7, "1. Length of a name"),
        (7, "2. Number of columns"),
        (7, "(1) May I?"),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<p><b>Bold</b> and plain.</p><p>Text.</p>",
        "<ul><li><b>one</b></li><li><b>two</b></li></ul><p>Text.</p>",
        "<p><b>note:</b></p><p>Text.</p>",
        f"<p><b>{'very long ' * 30}</b></p><p>Text.</p>",
        "<p><b>The end</b></p>",
        "<p><b>two<br>lines</b></p><p>Text.</p>",
    ],
)
def test_other_bold_text_is_no_heading(page):
    assert headings(page) == []


@pytest.mark.parametrize(
    ("markup", "rows", "header"),
    [
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "A | B\n1 | 2", "A | B\n"),
        ("<table><thead><tr><td>A</thead><tr><td>1<tr><td>2</table>", "A\n1\n2", "A\n"),
        ("<table><tr><td>A<td>B<tr><td>1<td>2</table>", "A | B\n1 | 2", ""),
        ("<table><tr><th>A<td>1<tr><th>B<td>2</table>", "A | 1\nB | 2", ""),
        ("<table><tr><th>A<th>B</table>", "A | B", ""),
    ],
)
def test_tables_and_their_headers(markup, rows, header):
    document = read(f"<p>Before</p>{markup}<p>After</p>")
    (table,) = document.tables
    assert document.text[table.start : table.end] == rows
    assert document.text[table.start : table.header_end] == header


def test_adjacent_tables_are_not_joined():
    one = "<table><tr><th>A<tr><td>1</table>"
    document = read(one + one)
    assert [document.text[t.start : t.end] for t in document.tables] == ["A\n1", "A\n1"]
