"""The schemas of the page's endpoints."""

from ragkit.serving.api.page import ENDPOINTS
from ragkit.serving.schema.page import PAGE


def test_every_schema_is_used_by_an_endpoint():
    used = {endpoint.response for endpoint in ENDPOINTS} | {endpoint.body for endpoint in ENDPOINTS}
    assert set(PAGE) <= used
