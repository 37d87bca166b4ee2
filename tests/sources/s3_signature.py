"""AWS Signature Version 4, for bodies at hand. Rules from the S3 API reference, "Authenticating Requests"."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from tests.sources.plain_http import UNRESERVED


def signer(access_key: str, secret_key: str, region: str) -> Callable[..., Mapping[str, str]]:
    """A `Sign` of `tests.sources.plain_http` with one pair of keys."""

    def sign(
        method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Mapping[str, str]:
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        signed = {name.lower(): value for name, value in headers.items()}
        signed |= {"x-amz-date": time, "x-amz-content-sha256": digest}
        names = sorted(signed)
        pairs = sorted((quote(k, safe=UNRESERVED), quote(v, safe=UNRESERVED)) for k, v in query.items())
        canonical = "\n".join(
            [
                method,
                path,
                "&".join(f"{name}={value}" for name, value in pairs),
                *(f"{name}:{signed[name].strip()}" for name in names),
                "",
                ";".join(names),
                digest,
            ]
        )
        scope = f"{time[:8]}/{region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{secret_key}".encode()
        for part in (time[:8], region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        authorization = f"Credential={access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        return {**signed, "authorization": f"AWS4-HMAC-SHA256 {authorization}"}

    return sign
