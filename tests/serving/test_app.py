"""The application: pages, unknown paths, and what every endpoint is described by."""

from ragkit.serving.app import ENDPOINTS, PUBLIC_PATHS


def test_the_page_and_the_reference_load_nothing_from_elsewhere(client):
    for path in ("/", "/docs", "/web/docs.css"):
        answered = client.get(path)
        assert answered.status_code == 200
        assert "http:" not in answered.text
        assert "https:" not in answered.text
        policy = answered.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        again = client.get(path, headers={"if-none-match": answered.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_an_unknown_path_gets_404_and_a_wrong_method_405(client):
    assert client.get("/v1/nothing").json()["error"]["type"] == "not_found_error"
    wrong = client.delete("/v1/health")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


def test_each_operation_has_an_id_of_its_own(client):
    paths = client.get("/openapi.json").json()["paths"]
    ids = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(ids)) == len(ids) == len(ENDPOINTS)


def test_only_health_and_the_page_are_public():
    assert sorted(PUBLIC_PATHS) == [
        "/", "/docs", "/openapi.json", "/v1/health", "/v1/ready", "/web/",
    ]  # fmt: skip
