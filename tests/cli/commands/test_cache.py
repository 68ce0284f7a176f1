import json

from ragkit import user_dirs


def test_the_cache_is_listed_and_cleared(run):
    assert run("cache") == (0, "", "ragkit: ragkit keeps nothing outside of collections yet\n")
    (user_dirs.cache() / "eval").mkdir(parents=True)
    (user_dirs.cache() / "eval" / "file").write_bytes(b"12345")
    code, out, err = run("cache")
    assert code == 0
    assert out == f"cache       5 B  {user_dirs.cache() / 'eval'}  (collections of ragkit eval)\n"
    assert "ragkit cache --clear" in err
    assert json.loads(run("cache", "--json")[1])[0]["name"] == "eval"
    assert run("cache", "eval")[0] == 2
    assert run("cache", "--clear", "nothing")[0] == 2
    assert run("cache", "--clear", "eval") == (0, "deleted 1 entry, 5 B\n", "")
    assert run("cache", "--clear") == (0, "deleted 0 entries, 0 B\n", "")
