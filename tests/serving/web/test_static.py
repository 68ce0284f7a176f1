"""The page's files, without a browser."""

from starlette.requests import Request

from ragkit.serving.web.static import PageFiles, make_file


def request(**headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "path_params": {}})


def test_a_file_that_the_caller_has_is_not_sent_again():
    file = make_file(b"body {}", ".css")
    first = file.respond(request())
    assert (first.status_code, first.body) == (200, b"body {}")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    for tags in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
        again = file.respond(request(if_none_match=tags))
        assert (again.status_code, again.body) == (304, b"")
    assert file.respond(request(if_none_match='"other"')).status_code == 200


def test_other_content_has_another_etag():
    assert make_file(b"a", ".js").etag != make_file(b"b", ".js").etag


def test_only_files_of_known_types_are_served(client, tmp_path):
    assert client.get("/web/app.js").status_code == 200
    for name in ("static.py", "__init__.py", "nothing.js"):
        assert client.get(f"/web/{name}").status_code == 404
    (tmp_path / "page.css").write_text("body {}")
    (tmp_path / "secret.txt").write_text("secret")
    assert list(PageFiles(tmp_path)._files) == ["page.css"]
