"""`ragkit duplicates`: what it prints."""

import json

import pytest

RULE = "Parents of newborn children may stay at home for up to {} weeks, on full pay, each year.\n"


@pytest.fixture
def filled(run, folder):
    for year, weeks in ((2023, 26), (2024, 24)):
        (folder / f"rule-{year}.txt").write_text(RULE.format(weeks))
    (folder / "copy.txt").write_text(RULE.format(24))
    assert run("init")[0] == run("index", str(folder))[0] == 0


@pytest.mark.usefixtures("filled")
def test_duplicates_shows_groups_and_what_differs(run):
    code, out, err = run("duplicates", "--min-score", "0.9")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("1 group of near-duplicates among 6 different passages")
    assert "1  3 passages" in lines
    assert "NUMBERS differ (24 → 26)" in out or "NUMBERS differ (26 → 24)" in out
    assert "[-24-] {+26+}" in out or "[-26-] {+24+}" in out
    assert (
        "   rule-2023.txt → rule-2024.txt (newer version; 100% of it is in the older one)" in lines
    )
    assert run("duplicates", "--documents", "--min-score", "0.9")[1].startswith("   copy.txt")


@pytest.mark.usefixtures("filled")
def test_duplicates_as_json(run):
    fields = json.loads(run("duplicates", "--min-score", "0.9", "--json")[1])
    assert (fields["group_count"], fields["passages"]) == (1, 6)
    first, second = fields["groups"][0]
    assert first["difference"] is None
    assert second["difference"]["changes"] == ["numbers"]
    assert {first["passage"]["path"], second["passage"]["path"]} >= {"rule-2023.txt"}
    assert "groups" not in json.loads(run("duplicates", "--documents", "--json")[1])


@pytest.mark.usefixtures("collection_folder")
def test_no_duplicates_and_a_wrong_bound(run):
    assert run("duplicates") == (
        0,
        "no near-duplicates among 4 passages (cosine 0.95 or more)\n",
        "",
    )
    assert run("duplicates", "--documents")[1].startswith("no two documents share")
    assert run("duplicates", "--min-score", "3")[0] == 2


@pytest.mark.usefixtures("collection_folder")
def test_topics_are_shown_and_searched(run):
    code, out, err = run("topics", "--count", "2")
    assert (code, err) == (0, "")
    assert out.startswith("2 topics, 4 passages")
    fields = json.loads(run("topics", "--json")[1])
    assert (fields["updated"], fields["passages"]) == (True, 4)
    first, second = fields["topics"]
    assert first["central"][0]["citation"] in out
    for topic in (first, second):
        code, out, _ = run("query", "x", "--topic", topic["name"], "--json")
        assert (code, len(json.loads(out))) == (0, topic["passages"])
    where = ("--where", "type = markdown", "--topic", first["terms"][0])
    assert run("query", "x", *where)[0] in (0, 1)
    code, out, err = run(
        "query", "x", "--where", '{"type": "eq", "key": "type", "value": "text/plain"}',
        "--topic", "nonsense",
    )  # fmt: skip
    assert (code, out) == (1, "")
    found, notice = err.splitlines()
    assert found == "ragkit: nothing found"
    assert notice.startswith("ragkit: no topic is called 'nonsense'; the nearest are: ")
    assert all(topic["name"] in notice for topic in (first, second))


@pytest.mark.usefixtures("collection_folder")
def test_a_map_is_drawn_or_printed(run, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, err = run("map", "map.png", "--method", "pca")
    assert (code, out, err) == (0, "map.png: 4 passages, pca, 0 where they were\n", "")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    fields = json.loads(run("map", "--method", "pca", "--color", "folder", "--json")[1])
    assert (fields["kept"], len(fields["points"])) == (4, 4)
    assert {point["group"] for point in fields["points"]} == {"/", "sub"}
    assert run("map")[0] == 2
    assert run("map", "map.txt")[0] == 2
