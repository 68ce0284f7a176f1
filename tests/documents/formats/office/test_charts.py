"""Charts: title, series and cached values of DrawingML charts (ECMA-376 part 1, 21.2)."""

from ragkit.documents.formats.office.charts import chart_rows
from ragkit.documents.unpacking.limits import open_zip
from tests.documents.files import make_zip
from tests.documents.office_files import OOXML


def read(content):
    part = f"<c:chartSpace {OOXML}>{content}</c:chartSpace>"
    with open_zip(make_zip({"chart.xml": part}), "pptx") as package:
        return chart_rows(package, "chart.xml")


def title(text):
    return (
        f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{text}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    )


def points(tag, kind, values):
    """Return a `c:cat` or `c:val` with its cached points: index → value."""
    cached = "".join(
        f'<c:pt idx="{index}"><c:v>{value}</c:v></c:pt>' for index, value in values.items()
    )
    return f"<c:{tag}><c:{kind}Ref><c:{kind}Cache>{cached}</c:{kind}Cache></c:{kind}Ref></c:{tag}>"


def series(name, categories, values, tags=("cat", "val")):
    cache = f"<c:strCache><c:pt idx='0'><c:v>{name}</c:v></c:pt></c:strCache>"
    tx = f"<c:tx><c:strRef>{cache}</c:strRef></c:tx>"
    return (
        f"<c:ser>{tx}{points(tags[0], 'str', categories)}{points(tags[1], 'num', values)}</c:ser>"
    )


def test_a_row_for_each_category_with_the_values_of_all_series():
    content = (
        title("Sales 2024")
        + series("North", {0: "May", 1: "June"}, {0: 1, 1: 2.5})
        + series("South", {0: "May", 1: "June"}, {0: 3, 1: 4})
    )
    assert read(content) == (
        "Sales 2024",
        [["", "North", "South"], ["May", "1", "3"], ["June", "2.5", "4"]],
    )


def test_missing_points_are_empty_and_missing_categories_are_numbered():
    content = series("A", {0: "x"}, {2: 7}) + series("B", {}, {0: 5})
    assert read(content) == ("", [["", "A", "B"], ["x", "", "5"], ["2", "", ""], ["3", "7", ""]])


def test_scatter_charts_have_x_and_y_values():
    assert read(series("A", {0: 1}, {0: 2}, tags=("xVal", "yVal"))) == ("", [["", "A"], ["1", "2"]])


def test_binary_noise_is_removed_from_numbers_and_text_values_stay():
    _, rows = read(series("A", {0: "x", 1: "y"}, {0: "0.30000000000000004", 1: "#N/A"}))
    assert rows[1:] == [["x", "0.3"], ["y", "#N/A"]]


def test_the_titles_of_axes_are_not_part_of_the_chart_title():
    axis = f"<c:valAx>{title('Euro')}</c:valAx>"
    assert read(title("Costs") + series("A", {0: "x"}, {0: 1}) + axis)[0] == "Costs"


def test_a_chart_without_values_has_no_rows():
    assert read(title("Empty")) == ("Empty", [])


def test_points_beyond_a_thousand_are_dropped():
    content = series("A", {}, {0: 1, 999: 2, 1000: 3, "99999999999": 4})
    _, rows = read(content)
    assert len(rows) == 1 + 1000
    assert rows[1] == ["1", "1"]
    assert rows[-1] == ["1000", "2"]
