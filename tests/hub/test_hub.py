"""The test hub is what it says: the hub's own client downloads from it, and each fault is seen on the wire."""

import hashlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._xet import is_valid_xet_hash
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.faults import Fault, FaultBox, fault_text, parse_fault
from tests.hub.fixture import RunningHub, child_hub, hub, running_hub
from tests.hub.ranges import RangeNotSatisfiableError, matches, parse_range
from tests.hub.server import HubOptions

__all__ = ["hub"]

WEIGHTS = os.urandom(300_000)


def get(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, whatever the status."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers=names)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_hubs_own_client_downloads_from_it(hub: RunningHub, tmp_path: Path) -> None:
    hub.add("acme/model", {"config.json": b"{}", "model.safetensors": WEIGHTS})
    command = [str(Path(sys.executable).parent / "hf"), "download", "acme/model", "--local-dir", str(tmp_path / "got")]
    environment = os.environ | {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HOME": str(tmp_path / "hf")}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert (tmp_path / "got" / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.ledger.counts().bytes["lfs/acme/model/model.safetensors"] == len(WEIGHTS)


def test_ranges_and_redirects(hub: RunningHub) -> None:
    hub.add("acme/model", {"model.safetensors": WEIGHTS})
    url = f"{hub.url}/acme/model/resolve/main/model.safetensors"
    status, headers, body = get(url, Range="bytes=100-199")
    assert (status, headers["Content-Range"]) == (206, f"bytes 100-199/{len(WEIGHTS)}")
    assert body == WEIGHTS[100:200]
    assert get(url, Range=f"bytes={len(WEIGHTS)}-")[0] == 416
    assert get(url, If_Match='"other"')[0] == 412


def test_files_in_xet_storage_are_told_as_the_hubs_own_client_reads_them(hub: RunningHub) -> None:
    hub.add("acme/model", {"config.json": b"{}", "model.safetensors": WEIGHTS}, settings="xet: true")
    config, weights = HfApi(hub.url).list_repo_tree("acme/model")
    assert isinstance(weights, RepoFile) and isinstance(config, RepoFile)
    assert weights.lfs is not None and weights.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert weights.xet_hash and is_valid_xet_hash(weights.xet_hash) and weights.xet_hash != weights.lfs.sha256
    assert config.xet_hash is None
    told = get_hf_file_metadata(f"{hub.url}/acme/model/resolve/main/{weights.path}", endpoint=hub.url)
    assert told.etag == weights.lfs.sha256
    assert told.xet_file_data is not None and told.xet_file_data.file_hash == weights.xet_hash
    assert told.xet_file_data.refresh_route.startswith(f"{hub.url}/api/models/acme/model/xet-read-token/")


def test_faults_as_a_client_sees_them(hub: RunningHub) -> None:
    hub.add("acme/model", {"config.json": b"0123456789"})
    url = f"{hub.url}/acme/model/resolve/main/config.json"
    hub.set_faults(Fault("status", status=429, retry_after=7))
    status, headers, _ = get(url)
    assert (status, headers["Retry-After"]) == (429, "7")
    hub.set_faults(Fault("flip", after=2))
    assert get(url)[2] == b"01\xcd3456789"
    etag = get(url)[1]["ETag"]
    hub.set_faults(Fault("change", times=0))
    _, headers, body = get(url)
    assert headers["ETag"] != etag
    assert body != b"0123456789"


def test_lengths_redirects_and_signatures_as_a_client_sees_them(hub: RunningHub) -> None:
    hub.add("acme/model", {"config.json": b"0123456789", "model.safetensors": WEIGHTS})
    config, weights = (f"{hub.url}/acme/model/resolve/main/{name}" for name in ("config.json", "model.safetensors"))
    hub.set_faults(Fault("length", after=4))
    status, headers, body = get(config, Range="bytes=2-9")
    assert (status, headers["Content-Range"], body) == (206, "bytes 2-9/10", b"2345")
    hub.set_faults(Fault("loop", path="acme/model/config.json"))
    assert get(config)[2] == b"0123456789", "the second time round it is over"
    hub.set_faults(Fault("loop", path="acme/model/config.json", times=0))
    assert get(config)[0] == 302
    hub.set_faults(Fault("expire", path="lfs/*"))
    assert get(weights)[0] == 403
    assert get(weights)[2] == WEIGHTS
    hub.set_faults(Fault("change", skip=1))
    assert [get(config)[2] == b"0123456789" for _ in range(3)] == [True, False, False]


def test_listing_lies_where_it_is_told_to(hub: RunningHub) -> None:
    hub.add("acme/model", {"a.json": b"{}"}, settings="listed: {a.json: {path: ../a.json, size: 7}}")
    (row,) = json.loads(get(f"{hub.url}/api/models/acme/model/tree/main")[2])
    assert (row["path"], row["size"]) == ("../a.json", 7)


def test_child_serves_faults_and_counters_at_its_admin_address(tmp_path: Path) -> None:
    (tmp_path / "acme" / "model").mkdir(parents=True)
    (tmp_path / "acme" / "model" / "config.json").write_text("{}")
    with child_hub(tmp_path) as url:
        body = json.dumps(["status,status=503,path=*config.json"]).encode()
        get(f"{url}/.admin/faults", method="PUT", body=body)
        assert get(f"{url}/acme/model/resolve/main/config.json")[0] == 503
        assert get(f"{url}/acme/model/resolve/main/config.json")[2] == b"{}"
        counters = json.loads(get(f"{url}/.admin/counters")[2])
    assert counters["requests"]["acme/model/config.json"] == 2
    assert counters["bytes"]["acme/model/config.json"] == 2


@given(st.integers(1, 1000), st.integers(0, 1200), st.integers(0, 1200))
def test_a_range_is_cut_to_the_file_or_refused(size: int, first: int, last: int) -> None:
    header = f"bytes={first}-{last}"
    if first >= size or last < first:
        with pytest.raises(RangeNotSatisfiableError):
            parse_range(header, size)
    else:
        assert parse_range(header, size) == (first, min(last + 1, size))


@pytest.mark.parametrize(
    ("header", "expected"), [(None, None), ("bytes=-10", (90, 100)), ("bytes=95-", (95, 100)), ("lines=1-2", None)]
)
def test_other_ranges(header: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


def test_if_match() -> None:
    assert matches(None, "a")
    assert matches("*", "a")
    assert matches('"b", "a"', "a")
    assert not matches('"b"', "a")


def test_files_are_put_through_the_admin(hub: RunningHub) -> None:
    status, _, _ = get(f"{hub.url}/.admin/files/acme/later/config.json", "PUT", b"{}")
    assert status == 200
    assert get(f"{hub.url}/acme/later/resolve/main/config.json")[2] == b"{}"
    assert get(f"{hub.url}/.admin/files/acme/later/config.json")[2] == b"{}"
    assert get(f"{hub.url}/.admin/files/acme/later/none.json")[0] == 404
    assert get(f"{hub.url}/.admin/files/..%2F..%2Fout", "PUT", b"{}")[0] == 400
    assert not (hub.folder.parent / "out").exists()


def test_other_names_are_advertised_for_the_second_origin(tmp_path: Path) -> None:
    (tmp_path / "acme" / "model").mkdir(parents=True)
    (tmp_path / "acme" / "model" / "model.safetensors").write_bytes(WEIGHTS)
    with running_hub(HubOptions(tmp_path, advertised_host="localhost")) as running:
        assert running.url.startswith("http://localhost:")
        assert get(f"{running.url}/acme/model/resolve/main/model.safetensors")[2] == WEIGHTS


def test_faults_are_used_up_in_order() -> None:
    box = FaultBox((Fault("status", path="*.bin", skip=1, times=2), Fault("stall")))
    taken = [box.take("x.bin", frozenset({"status"})) for _ in range(4)]
    assert [fault is not None for fault in taken] == [False, True, True, False]
    assert box.take("x.bin", frozenset({"stall"})) == Fault("stall")


def test_fault_as_text() -> None:
    assert parse_fault("status,status=429,retry_after=1,times=0,path=api/*") == Fault(
        "status", path="api/*", times=0, status=429, retry_after=1
    )
    for fault in (
        Fault("stall", after=7, times=0),
        Fault("status", path="lfs/*", status=403, code="GatedRepo", skip=2),
    ):
        assert parse_fault(fault_text(fault)) == fault
    with pytest.raises(ValueError, match="unknown"):
        parse_fault("explode")
    with pytest.raises(ValueError, match="speed"):
        parse_fault("stall,speed=3")
