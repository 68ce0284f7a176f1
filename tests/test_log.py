"""Lines for the log of the program that uses ragkit."""

import logging

from ragkit.log import log_warning


def test_lines_go_to_ragkits_logger_as_they_are(caplog):
    with caplog.at_level(logging.DEBUG, "ragkit"):
        log_warning("100 %s of 3 files")
    assert [(line.name, line.levelname, line.getMessage()) for line in caplog.records] == [
        ("ragkit", "WARNING", "100 %s of 3 files"),
    ]
    assert {line.filename for line in caplog.records} == {"test_log.py"}
