"""WhatsApp chats in the notations of phones; the expected dates were written by hand."""

import pytest

from ragkit.documents.read import read_all
from tests.documents.files import make_zip


def chat(text, name="WhatsApp Chat with Hiking.txt"):
    return {
        record.name: (record.document.text, dict(record.document.metadata))
        for record in read_all(text.encode(), name)
    }


@pytest.mark.parametrize(
    "line",
    [
        "13/03/2024, 20:13 - {}",
        "13/03/24, 8:13 pm - {}",
        "3/13/24, 8:13\u202fPM - {}",
        "13.03.24, 20:13 - {}",
        "13-03-2024 20:13 - {}",
        "2024-03-13, 20:13 - {}",
        "2024/03/13 20:13 - {}",
        "13/3/24 8:13 p. m. - {}",
        "2024. 03. 13. 20:13 - {}",
        "2024년 3월 13일 오후 8:13, {}",
        "[13/03/2024, 20:13:45] {}",
        "[3/13/24, 8:13:45\u202fPM] {}",
        "\u200e[13.03.24, 20:13:45] {}",
        "[2024/3/13 下午8:13:45] {}",
        "[١٣/٣/٢٠٢٤، ٨:١٣:٤٥ م] {}",
    ],
)
def test_dates_in_the_notations_of_phones(line):
    days = chat(line.format("Jane Roe: Shall we\nhike?") + "\n")
    assert days == {
        "2024-03-13": (
            "Jane Roe: Shall we\nhike?",
            {"from": "Jane Roe", "date": "2024-03-13", "channel": "Hiking"},
        )
    }


def test_all_dates_of_a_chat_decide_the_order_of_day_and_month():
    assert set(chat("1/2/24, 9:00 - A: x\n1/3/24, 9:00 - A: y\n1/13/24, 9:00 - A: z\n")) == {
        "2024-01-02", "2024-01-03", "2024-01-13",
    }  # fmt: skip
    # Both orders give dates; only day first gives them in order.
    days = chat("11/02/24, 9:00 - A: x\n02/03/24, 9:00 - A: y\n05/03/24, 9:00 - A: z\n")
    assert list(days) == ["2024-02-11", "2024-03-02", "2024-03-05"]


def test_only_what_was_said_is_read():
    text = (
        "12/03/2024, 20:13 - Messages and calls are end-to-end encrypted.\n"
        "12/03/2024, 20:14 - Jane added Max\n"
        "12/03/2024, 20:15 - Jane: <Media omitted>\n"
        "12/03/2024, 20:16 - Max: See you <This message was edited>\n"
        "12/03/2024, 20:17 - Jane: \u200e<attached: 0001-plan.pdf>\n"
    )
    assert chat(text)["2024-03-12"] == (
        "Max: See you\n\nJane: 0001-plan.pdf",
        {"from": "Max, Jane", "date": "2024-03-12", "channel": "Hiking"},
    )


def test_a_chat_in_a_zip_has_the_name_of_its_folder():
    line = "[12/03/2024, 20:13:45] Jane: Hi\n"
    data = make_zip({"Family/_chat.txt": line, "Family/note.txt": "12/03/2024, 20:13 - x"})
    records = {record.name: record.document for record in read_all(data, "export.zip")}
    assert records["Family/_chat.txt/2024-03-12"].metadata["channel"] == "Family"
    assert records["Family/note.txt"].text == "12/03/2024, 20:13 - x"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("diary.txt", "12/03/2024, 10:15 - Went to the market\n12/03/2024, 11:15 - Note: milk\n"),
        ("server.log", "2024-03-12, 10:15:30 - INFO - worker: up\n"),
    ],
)
def test_diaries_and_logs_are_no_chats(name, line):
    assert set(chat(line * 4, name)) == {""}


def test_a_chat_of_notices_is_text():
    notices = "12/03/2024, 10:16 - Jane added you\n"
    assert chat(notices) == {"": (notices, {})}


def test_long_messages_keep_all_lines():
    lines = [f"line {number}" for number in range(50_000)]
    (text, _), *others = chat("12/03/2024, 10:15 - Jane: a\n" + "\n".join(lines)).values()
    assert text.split("\n")[1:] == lines
    assert not others
