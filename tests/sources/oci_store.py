"""`python -m tests.sources.oci_store --object KEY=FILE …`: the OCI server with a bucket of objects, until SIGTERM."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.sources.oci_objects import Bucket
from tests.sources.oci_server import OciServer


def main() -> None:
    """Fill the bucket and serve it."""
    parser = argparse.ArgumentParser(prog="python -m tests.sources.oci_store", description=__doc__)
    parser.add_argument("--namespace", required=True, help="the tenancy's")
    parser.add_argument("--bucket", required=True, help="its name")
    parser.add_argument("--object", action="append", default=[], metavar="KEY=FILE", help="an object and its content")
    parser.add_argument("--part-bytes", type=int, default=1 << 20, help="longer objects are put in parts of this size")
    parser.add_argument("--key-id", required=True, help="tenancy/user/fingerprint of who may read")
    parser.add_argument("--public-key", type=Path, required=True, help="theirs, a PEM file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    arguments = parser.parse_args()
    key = load_pem_public_key(arguments.public_key.read_bytes())
    assert isinstance(key, RSAPublicKey), "OCI's keys are RSA keys"
    server = OciServer(arguments.namespace, {arguments.key_id: key})
    bucket = server.buckets[arguments.bucket] = Bucket()
    for name, _, path in (given.partition("=") for given in arguments.object):
        _put(bucket, name, Path(path).read_bytes(), arguments.part_bytes)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    web.run_app(application, host=arguments.host, port=arguments.port, access_log=None)


def _put(bucket: Bucket, name: str, content: bytes, part_bytes: int) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    if len(content) <= part_bytes:
        bucket.put(name, content, now)
        return
    starts = range(0, len(content), part_bytes)
    bucket.uploads[name] = {number: content[start : start + part_bytes] for number, start in enumerate(starts, 1)}
    bucket.commit(name, name, range(1, len(starts) + 1), now)


if __name__ == "__main__":
    main()
