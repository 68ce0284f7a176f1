"""The metrics, read back by prometheus-client's parser."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from ragkit.serving.transport.metrics import CONTENT_TYPE, Metrics


def samples(text):
    """(name, labels) → value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_requests_are_counted_and_timed_in_buckets():
    metrics = Metrics()
    for seconds in (0.002, 0.02, 20.0):
        metrics.requests.labels("GET", "/v1/search", "200").inc()
        metrics.request_seconds.labels("/v1/search").observe(seconds)
    metrics.in_flight.set(2)
    values = samples(metrics.render({}, {}))
    labels = (("endpoint", "/v1/search"), ("method", "GET"), ("status", "200"))
    assert values["ragkit_requests_total", labels] == 3
    endpoint = ("endpoint", "/v1/search")
    for bound, count in (("0.001", 0), ("0.0025", 1), ("0.025", 2), ("10.0", 2), ("+Inf", 3)):
        assert values["ragkit_request_seconds_bucket", (endpoint, ("le", bound))] == count
    assert abs(values["ragkit_request_seconds_sum", (endpoint,)] - 20.022) < 1e-9
    assert values["ragkit_requests_in_flight", ()] == 2


def test_searches_are_the_sum_over_batches():
    sizes = {"notes": Counter({1: 3, 4: 2}), 'a"b\\c': Counter()}
    values = samples(Metrics().render(sizes, {"documents": {"notes": 7}}))
    assert values["ragkit_searches_total", (("collection", "notes"),)] == 11
    assert values["ragkit_search_calls_total", (("collection", "notes"),)] == 5
    assert values["ragkit_searches_total", (("collection", 'a"b\\c'),)] == 0
    assert values["ragkit_documents", (("collection", "notes"),)] == 7


def test_a_metric_of_the_whole_server_has_no_label_and_nothing_is_stamped():
    text = Metrics().render({}, {"answers_going_on": {"": 4}}).decode()
    assert "\nragkit_answers_going_on 4.0\n" in text
    assert "_created" not in text
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_each_application_counts_for_itself():
    one, other = Metrics(), Metrics()
    one.requests.labels("GET", "/", "200").inc()
    assert b"ragkit_requests_total{" not in other.render({}, {})
