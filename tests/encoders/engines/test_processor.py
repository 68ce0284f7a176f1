import sys
from types import ModuleType

from ragkit.encoders.engines import processor, torch_engine


def test_what_a_processor_lacks_is_named():
    assert processor.missing(flags=lambda: frozenset({"avx", "sse4_2"})) == "AVX2, FMA"
    assert processor.missing(frozenset({"sse4_2"}), lambda: frozenset({"avx"})) == "SSE4.2"
    assert processor.missing(flags=lambda: processor.AVX2 | {"sse"}) == ""
    assert processor.missing(flags=lambda: None) == ""


def test_there_is_a_message_before_torch_may_end_the_process(monkeypatch, caplog):
    monkeypatch.setattr(processor, "missing", lambda: "AVX2, FMA")
    for name in ("sentence_transformers", "torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    torch_engine.require_torch("the model x")
    assert "this processor has no AVX2, FMA, so torch may end the process" in caplog.text
    caplog.clear()
    monkeypatch.setattr(processor, "missing", lambda: "")
    torch_engine.require_torch("the model x")
    assert caplog.text == ""


def test_the_flags_are_read_from_the_system(monkeypatch, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu sse4_2 avx2\nprocessor\t: 1\nflags\t: fpu\n")
    monkeypatch.setattr(processor, "Path", lambda _: info)
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(processor.sys, "platform", "linux")
    assert processor.read_flags.__wrapped__() == {"fpu", "sse4_2", "avx2"}
    monkeypatch.setattr(processor.platform, "machine", lambda: "aarch64")
    assert processor.read_flags.__wrapped__() is None
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    info.unlink()
    assert processor.read_flags.__wrapped__() is None
