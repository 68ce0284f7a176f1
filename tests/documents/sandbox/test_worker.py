"""The worker process: its environment, its pipes, its end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from ragkit.documents.detect import detect

TABLE = b"name,born\nAda,1815\n"


def reason(sandbox, data):
    (record,) = sandbox.read(detect(data, "a.pdf"))
    return record.reason


def test_the_worker_has_no_secrets_in_its_environment(create_sandbox, python_pdf, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    message = reason(create_sandbox(), python_pdf("import os; raise Exception(sorted(os.environ))"))
    assert "PATH" in message
    assert not {"OPENAI_API_KEY", "HOME", "PYTHONPATH"} & set(message.split("'"))


def test_what_a_parser_prints_and_reads_does_not_mix_with_frames(create_sandbox, python_pdf):
    code = (
        "import os; os.write(1, b'x' * 99); os.write(2, b'y' * 99); raise Exception(os.read(0, 9))"
    )
    assert reason(create_sandbox(), python_pdf(code)).endswith("Exception: b''")


def test_ctrl_c_does_not_end_the_worker(create_sandbox):
    sandbox = create_sandbox()
    sandbox.read(detect(TABLE, "a.csv"))
    process = sandbox._worker._process
    process.send_signal(signal.SIGINT)
    assert sandbox.read(detect(TABLE, "a.csv"))[0].document is not None
    assert sandbox._worker._process is process


def test_the_worker_ends_with_the_program(tmp_path):
    """It also ends if the program is killed."""
    code = (
        "import os\nfrom ragkit.documents.detect import detect\n"
        "from ragkit.documents.sandbox.sandbox import Sandbox\nreader = Sandbox()\n"
        "reader.read(detect(b'a,b', 'a.csv'))\n"
        "print(reader._worker._process.pid, flush=True)\nos._exit(0)"
    )
    run = [sys.executable, "-c", code]
    process = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    deadline = time.monotonic() + 30
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(process)


def _runs(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
