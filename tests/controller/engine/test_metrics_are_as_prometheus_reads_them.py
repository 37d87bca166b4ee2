"""The page of metrics: types, cumulative buckets, escaped labels."""

from controller.metrics import Metrics


def test_counters_gauges_and_histograms_in_text_format() -> None:
    metrics = Metrics()
    counter = metrics.counter("requests_total", "Requests.", ("verb", "code"))
    counter.add(1, "get", "200")
    counter.add(2, "get", 'a"b\\c\nd')
    metrics.gauge("depth", "Depth.", lambda: 3)
    histogram = metrics.histogram("seconds", "Time.", ("kind",))
    for seconds in (0.0005, 0.02, 0.021, 100.0):
        histogram.observe(seconds, "A")
    lines = metrics.text().splitlines()
    assert lines[:4] == [
        "# HELP requests_total Requests.",
        "# TYPE requests_total counter",
        'requests_total{verb="get",code="200"} 1',
        'requests_total{verb="get",code="a\\"b\\\\c\\nd"} 2',
    ]
    assert "depth 3" in lines
    buckets = {line.split('le="')[1].split('"')[0]: line.rsplit(" ", 1)[1] for line in lines if "_bucket" in line}
    assert (buckets["0.001"], buckets["0.02"], buckets["0.04"], buckets["60.0"], buckets["+Inf"]) == tuple("12334")
    assert 'seconds_count{kind="A"} 4' in lines
    assert counter.value("get", "200") == 1
    assert histogram.count("A") == 4
