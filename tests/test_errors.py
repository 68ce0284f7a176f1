"""The tree of error classes."""

import pytest

from ragkit import errors
from ragkit.errors import DocumentError


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("UsageError", ["RagkitError"]),
        ("DocumentError", ["RagkitError"]),
        ("UnavailableError", ["RagkitError"]),
        ("CollectionError", ["UnavailableError", "RagkitError"]),
        ("BusyError", ["CollectionError", "UnavailableError", "RagkitError"]),
        ("ModelError", ["UnavailableError", "RagkitError"]),
    ],
)
def test_the_error_classes_form_the_documented_tree(name, bases):
    ancestors = [base.__name__ for base in getattr(errors, name).__mro__[1:]]
    assert ancestors == [*bases, "Exception", "BaseException", "object"]


def test_a_document_error_has_a_kind_and_counts_as_failed_unless_it_says_skipped():
    error = DocumentError("damaged PDF")
    assert (str(error), error.kind, error.skipped) == ("damaged PDF", "damaged", False)
    assert DocumentError("binary file", kind="no_document", skipped=True).skipped
