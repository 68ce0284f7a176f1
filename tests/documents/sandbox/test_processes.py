"""Starting and limiting processes: memory, processor time, what they import."""

import logging
import sys

import pytest

from ragkit.documents.detect import detect
from ragkit.documents.sandbox import processes

TABLE = b"name,born\nAda,1815\n"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits this")


def reason(sandbox, data):
    (record,) = sandbox.read(detect(data, "a.pdf"))
    return record.reason


@linux
def test_a_large_file_may_use_as_much_processor_time_as_wall_time(create_sandbox, python_pdf):
    code = "import os, resource; os._exit(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    why = reason(create_sandbox(seconds=5), python_pdf(code) + b"\n#" + 3_000_000 * b"x")
    seconds = int(why.removeprefix("the reader died (exit code ").removesuffix(")"))
    assert 10 * (5 + 3) <= seconds <= 10 * (5 + 3) + 10  # docs/formats.md; and what it had used


@linux
def test_too_much_processor_time_is_a_timeout(create_sandbox, python_pdf):
    sandbox, code = create_sandbox(), "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)"
    (record,) = sandbox.read(detect(python_pdf(code), "a.pdf"))
    assert (record.reason, record.kind) == ("took too much processor time", "timeout")


@linux
def test_the_memory_of_a_worker_is_limited(create_sandbox, python_pdf):
    sandbox = create_sandbox(memory_mb=200)
    assert reason(sandbox, python_pdf("x = [b'x' * (1 << 20) for _ in range(300)]")) == (
        "needed more than 200 MB"
    )
    assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None


@pytest.mark.parametrize(("name", "value"), [("frozen", True), ("executable", "/opt/app/app")])
def test_a_program_that_is_no_python_interpreter_reads_in_process(
    create_sandbox, monkeypatch, caplog, name, value
):
    monkeypatch.setattr(sys, name, value, raising=False)
    sandbox = create_sandbox()
    with caplog.at_level(logging.WARNING, "ragkit"):
        assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None
        assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None
    (message,) = caplog.messages
    assert message.startswith("files are read without a process of their own: ")


def test_without_a_replacement_for_a_worker_the_file_fails(create_sandbox, python_pdf, monkeypatch):
    sandbox = create_sandbox()
    assert "died" in reason(sandbox, python_pdf("import os; os._exit(1)"))
    monkeypatch.setattr(processes, "_START", "raise SystemExit('no more of these')")
    message = reason(sandbox, python_pdf("import os; os._exit(1)"))
    assert message == f"no process to read it in: {sys.executable} does not start: no more of these"


def test_a_module_of_the_working_folder_is_not_imported(create_sandbox, tmp_path, monkeypatch):
    (tmp_path / "selectolax.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert (
        create_sandbox().read(detect(b"<html><p>Words</p></html>", "a.html"))[0].document.text
        == "Words"
    )


def test_the_environment_of_a_process_has_no_secrets(monkeypatch):
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("TESSDATA_PREFIX", "/data")
    variables = processes.environment(["TESSDATA_PREFIX"])
    assert (variables["PATH"], variables["TESSDATA_PREFIX"]) == ("/bin", "/data")
    assert "SECRET" not in variables


def test_the_command_line_isolates_the_interpreter():
    executable, *options, _ = processes.command("worker")
    assert executable == sys.executable
    assert options[:3] == ["-I", "-B", "-c"]  # no user site, no PYTHON variables, no bytecode files
    assert "ragkit.documents.sandbox.worker import main" in options[3]
