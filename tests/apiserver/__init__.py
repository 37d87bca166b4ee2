"""Tests on a real API server and etcd; `tests.apiserver.fixture` starts them for other folders too."""
