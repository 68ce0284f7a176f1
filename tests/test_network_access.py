"""No network access unless the user names an address: nothing is looked up, nothing is sent.

Native libraries do not use Python's sockets, so the commands run in a network namespace of their
own, without a route, with a name server that records every query.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.conftest import REAL_MODEL

NAMESPACE = ("unshare", "--map-root-user", "--net", "--mount")


def real_model(test):
    """Mark a test that runs the default model."""
    for mark in REAL_MODEL:
        test = mark(test)
    return test


def can_isolate() -> bool:
    """Whether this machine lets us make a network namespace with its own name server."""
    if shutil.which("unshare") is None:
        return False
    command = [*NAMESPACE, "mount", "--bind", "/dev/null", "/etc/resolv.conf"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


# Started in the namespace: brings up loopback, answers each name with "no such name", runs the
# commands of `work`, and prints the names that were asked for.
ISOLATED = """
import fcntl, socket, struct, subprocess, sys, threading
resolv, work = sys.argv[1:]
subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
request = struct.pack("16sH14x", b"lo", 1)  # IFF_UP
fcntl.ioctl(server, 0x8914, request)  # SIOCSIFFLAGS
server.bind(("127.0.0.1", 53))
names = []

def serve():
    while True:
        packet, sender = server.recvfrom(4096)
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        names.append(".".join(labels))
        question = packet[12 : at + 5]
        server.sendto(packet[:2] + b"\\x81\\x83" + packet[4:6] + bytes(6) + question, sender)

threading.Thread(target=serve, daemon=True).start()
done = subprocess.run([sys.executable, "-c", work], stdout=2)
print("names:", *names)
sys.exit(done.returncode)
"""


def run_isolated(tmp_path, work: str) -> list[str]:
    """Run Python code without network; return the names that it, or a child of it, looked up."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    kept.pop("ORT_DISABLE_TELEMETRY", None)  # set by importing ragkit in this process
    process = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", ISOLATED, str(resolv), textwrap.dedent(work)],
        cwd=tmp_path,
        env={**kept, "HOME": str(home), "HF_HUB_OFFLINE": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    (line,) = (line for line in process.stdout.splitlines() if line.startswith("names:"))
    return line.split()[1:]


def write_reranker(folder) -> None:
    """A cross-encoder for ONNX Runtime: the logit is the sum of the token ids."""
    from onnx import TensorProto, helper, save

    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "m"])
        for name in ("input_ids", "attention_mask")
    )
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["masked"]),
        helper.make_node("Cast", ["masked"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["numbers", "axes"], ["logits"]),
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])
    graph = helper.make_graph(nodes, "sum", [ids, mask], [logits], [axes])
    opset = [helper.make_opsetid("", 17)]
    folder.mkdir()
    save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "model.onnx")
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 1}, "unk_token": "[UNK]"},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


pytestmark = pytest.mark.skipif(not can_isolate(), reason="cannot make a network namespace")


def test_the_name_server_of_these_tests_records_a_name(tmp_path):
    work = """
        import socket
        try:
            socket.getaddrinfo("telemetry.example", 443)
        except OSError:
            pass
    """
    assert set(run_isolated(tmp_path, work)) == {"telemetry.example"}


@real_model
def test_indexing_searching_and_answering_look_up_no_name(tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(120):  # enough for ONNX Runtime's batches
        (notes / f"{number}.md").write_text(f"Key {number} is rotated every {number + 2} days.\n")
    write_reranker(tmp_path / "reranker")
    work = """
        import subprocess, sys
        def ragkit(*arguments):
            command = [sys.executable, "-m", "ragkit", "-c", "kept", *arguments]
            subprocess.run(command, check=True, timeout=200)
        ragkit("index", "notes")
        ragkit("query", "how often is key 7 rotated?", "--mode", "hybrid")
        ragkit("query", "how often is key 7 rotated?", "--rerank", "--reranker", "reranker")
        ragkit("ask", "how often is key 7 rotated?")
    """
    assert run_isolated(tmp_path, work) == []
    assert list((tmp_path / "home").rglob("*onnxruntime*")) == []  # its database of reports


@real_model
def test_a_server_looks_up_no_name(tmp_path):
    pytest.importorskip("starlette", reason="serving needs starlette")
    (tmp_path / "keys.md").write_text("The signing keys are rotated every ninety days.\n")
    work = """
        import json, re, subprocess, sys, urllib.request
        ragkit = [sys.executable, "-m", "ragkit", "-c", "kept"]
        subprocess.run([*ragkit, "index", "keys.md"], check=True, timeout=200)
        server = subprocess.Popen(
            [*ragkit, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
        )
        for line in server.stderr:
            if address := re.search(r"http://\\S+?:\\d+", line):
                break
        for path, body in (("search", {"query": "keys"}), ("ask", {"question": "which keys?"})):
            data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
            request = urllib.request.Request(f"{address[0]}/v1/{path}", data, headers)
            with urllib.request.urlopen(request, timeout=100) as response:
                assert response.status == 200
        server.terminate()
        server.communicate(timeout=60)
    """
    assert run_isolated(tmp_path, work) == []
    assert list((tmp_path / "home").rglob("*onnxruntime*")) == []
