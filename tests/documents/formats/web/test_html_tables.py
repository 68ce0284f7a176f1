"""Cells that span rows or columns."""

import pytest

from ragkit.documents.formats.web.html import read_html

HEAD = "<table><tr><th>Zone<th>Weight<th>Price"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            "<tr><td rowspan=2>Abroad<td>5 kg<td>11<tr><td>20 kg<td>29",
            "Abroad | 5 kg | 11\n| 20 kg | 29",
        ),
        ("<tr><td>a<td rowspan=2>b<td>c<tr><td>d<td>e", "a | b | c\nd |  | e"),
        ("<tr><td colspan=2>a<td>b", "a |  | b"),
        ("<tr><td colspan=3>Islands", "Islands"),
        ("<tr><td rowspan=0>a<td colspan=x>b<td>c", "a | b | c"),
        (
            "<tbody><tr><td rowspan=9>a<td>b<td>c</tbody><tbody><tr><td>d<td>e<td>f",
            "a | b | c\nd | e | f",
        ),
    ],
)
def test_the_columns_of_a_table_stay_in_place(rows, text):
    assert read_html((HEAD + rows).encode(), "a.html").text == f"Zone | Weight | Price\n{text}"
