"""Fault injection: what a collection survives, and what it must say when it cannot.

`python -m tests.faults` runs all of it (`make faults`), the tests in this folder a small part with
fixed seeds. See docs/guarantees.md.

- `sources.py` folders of text with known content; `fake_encoder.py` known vectors
- `operations.py`, `processes.py` what a child process does with a collection; `hangs.py` whether it
  hangs
- `shim.py`, `shim.c` calls that fail, kill or are logged; `crash_images.py` a log → disk states
- `checker.py` compares a collection with what it must contain, without ragkit
- `cases.py` one function for each kind of fault; `campaign.py` many of them, resumable;
  `figures.py` their table
"""
