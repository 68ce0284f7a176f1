"""The page's files, without a browser."""

import gzip
import re
from hashlib import sha256

from starlette.requests import Request

from ragkit.serving.web.static import FOLDER, PageFiles, make_file


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


def test_a_caller_that_takes_gzip_gets_it():
    text = b"body { color: red }" * 50
    file = make_file(text, ".css")
    for accepted in ("gzip", "br, gzip;q=0.5", "GZIP"):
        response = file.respond(request(accept_encoding=accepted))
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(response.body) == text
    for accepted in ("", "br", "gzip;q=0", "identity"):
        response = file.respond(request(accept_encoding=accepted))
        assert "content-encoding" not in response.headers and response.body == text
    assert response.headers["vary"] == "accept-encoding"


def test_the_libraries_are_those_whose_versions_and_checksums_are_listed():
    listed = (FOLDER / "vendor" / "README.md").read_text()
    for path in (FOLDER / "vendor").glob("*.js"):
        (row,) = re.findall(rf"^\| `{path.name}` .*$", listed, re.MULTILINE)
        assert sha256(path.read_bytes()).hexdigest() in row
        assert (FOLDER / "vendor" / f"{path.stem}-LICENSE.txt").exists()
