"""How results are read and failures explained."""

import json

from tests.clients.results import Check, read_checks, read_conformance, reason, unexpected


def test_results_of_the_suite_count_what_passed_and_failed(tmp_path):
    folder = tmp_path / "server-prompts-list-2026-11-30T01-12-29-618Z"
    folder.mkdir()
    rows = [{"id": name, "status": name} for name in ("SUCCESS", "FAILURE", "SKIPPED", "WARNING")]
    (folder / "checks.json").write_text(json.dumps(rows))
    passed, failed = read_conformance(tmp_path)
    assert (passed.name, passed.passed) == ("prompts-list | SUCCESS", True)
    assert (failed.name, failed.passed) == ("prompts-list | FAILURE", False)
    assert reason("conformance", failed) == "not offered: prompts"


def test_a_failure_without_a_known_reason_is_unexpected(tmp_path):
    file = tmp_path / "checks"
    file.write_text('{"name": "a", "passed": true}\n{"name": "b", "passed": false}\n')
    checks = read_checks(file)
    assert unexpected("openai_python", checks) == [Check("b", passed=False)]
    header = Check("http-header-validation | x", passed=False)
    assert unexpected("conformance", [header]) == [header]
