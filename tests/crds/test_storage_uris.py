"""The grammar of storage URIs: what each scheme means, what is wrong with what is refused, and no part is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds.storage_uri import (
    GRAMMAR,
    AzureUri,
    GcsUri,
    GithubUri,
    HubUri,
    LocalUri,
    OciArtifactUri,
    OciUri,
    PluggedUri,
    PvcUri,
    S3Uri,
    StorageUri,
    StorageUriError,
    VendorUri,
    parse_storage_uri,
    with_revision,
)

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("uri", "value"),
    [
        ("hf://Qwen/Qwen3-8B", HubUri("Qwen/Qwen3-8B")),
        ("hf://Qwen/Qwen3-8B@main", HubUri("Qwen/Qwen3-8B", "main")),
        ("hf://Qwen/Qwen3-8B@refs/pr/3", HubUri("Qwen/Qwen3-8B", "refs/pr/3")),
        ("hf://gpt2", HubUri("gpt2")),
        ("oci://n/ns/b/models/o/llama/v1", OciUri("models", "llama/v1", "ns")),
        ("oci://n/ns/b/models/o/", OciUri("models", "", "ns")),
        ("oci://n/ns/b/models/o", OciUri("models", "", "ns")),
        ("oci://n/ns/b/models", OciUri("models", "", "ns")),
        ("oci://ns@eu-frankfurt-1/models/llama", OciUri("models", "llama", "ns", "eu-frankfurt-1")),
        ("oci://models/llama/v1", OciUri("models", "llama/v1")),
        ("oci://my.models/llama:v1", OciUri("my.models", "llama:v1")),
        ("oci://my.models/llama@sha256:0a", OciUri("my.models", "llama@sha256:0a")),
        (f"oci://models/llama@{DIGEST}", OciUri("models", f"llama@{DIGEST}")),
        (f"oci://n/ns/b/my.models/o/llama@{DIGEST}", OciUri("my.models", f"llama@{DIGEST}", "ns")),
        ("oci://host:5000/org/model:v1", OciArtifactUri("host:5000", "org/model", "v1")),
        ("oci://n:5000/model:v1", OciArtifactUri("n:5000", "model", "v1")),
        (f"oci://ghcr.io/org/model@{DIGEST}", OciArtifactUri("ghcr.io", "org/model", "", DIGEST)),
        (f"oci://localhost:80/m:v1@{DIGEST}", OciArtifactUri("localhost:80", "m", "v1", DIGEST)),
        ("s3://weights@eu-central-1/a/b", S3Uri("weights", "a/b", "eu-central-1")),
        ("s3://weights/a", S3Uri("weights", "a")),
        ("s3://weights", S3Uri("weights")),
        ("gs://weights/a/b", GcsUri("weights", "a/b")),
        ("az://account/container/a/b", AzureUri("account", "container", "a/b")),
        ("az://account.blob.core.windows.net/container/a", AzureUri("account", "container", "a")),
        ("pvc://claim/a/b", PvcUri("claim", "a/b")),
        ("pvc://lab:claim/a", PvcUri("claim", "a", "lab")),
        ("local:///mnt/models/a", LocalUri("/mnt/models/a")),
        ("local://./models/a", LocalUri("./models/a")),
        ("vendor://meta/models/llama/8b", VendorUri("meta", "models", "llama/8b")),
        ("github://owner/repo", GithubUri("owner", "repo", "latest")),
        ("github://owner/repo@v1.2", GithubUri("owner", "repo", "v1.2")),
        ("x-shelf://top/left@2", PluggedUri("x-shelf", "top/left@2")),
        ("x-our-shelf2://top", PluggedUri("x-our-shelf2", "top")),
    ],
)
def test_each_scheme(uri: str, value: StorageUri) -> None:
    assert parse_storage_uri(uri) == value
    assert parse_storage_uri(str(value)) == value


@pytest.mark.parametrize(
    ("uri", "wrong"),
    [
        ("", "has no scheme"),
        ("/mnt/models/a", 'has no scheme; did you mean "local:///mnt/models/a"?'),
        ("Qwen/Qwen3-8B", 'has no scheme; did you mean "hf://Qwen/Qwen3-8B"?'),
        ("HF://Qwen/Qwen3-8B", 'has the scheme "HF", which is unknown; did you mean "hf://"?'),
        ("ftp://x/y", 'has the scheme "ftp", which is unknown'),
        ("x-shelf://", "has nothing after the scheme"),
        ("x-shelf:// top", "has a blank at its start or end"),
        ("x-://top", 'has the scheme "x-", which is unknown'),
        ("X-shelf://top", 'has the scheme "X-shelf", which is unknown'),
        ("hf://", "has no repository name"),
        ("hf:///name", "has no organisation"),
        ("hf://org/", "has no repository name"),
        ("hf://org/name/file.json", "names 3 path parts where a repository has two"),
        ("hf://org/name@", "has an empty revision after @"),
        ("hf://org/name@a..b/../c", 'has the revision "a..b/../c", which is no branch, tag or commit'),
        ("hf://org/name-", 'has the repository name "name-", which is not valid'),
        ("hf://org/na me", 'has the repository name "na me", which is not valid'),
        ("hf://org/name\n", "has a control character"),
        ("hf://org/a..b", 'has the repository name "a..b": ".." and "--" are not allowed'),
        ("oci://n/ns", "has no bucket"),
        ("oci://n", "has no namespace"),
        ("oci://n//b/models/o/x", "has no namespace"),
        ("oci://n/ns/bucket/models/o/x", 'has "bucket" where "b" (for the bucket) is expected'),
        ("oci://n/ns/b/models/objects/x", 'has "objects" where "o" (for the objects) is expected'),
        ("oci://ns@/models/x", "has no region"),
        ("oci://@eu-frankfurt-1/models/x", "has no namespace"),
        ("oci://", "has no bucket"),
        ("oci://host:5000/model", 'has the bucket "host:5000", which is not valid'),
        ("oci://host:65536/model:v1", 'has the bucket "host:65536", which is not valid'),
        ("oci://host:5000/Model:v1", 'has the bucket "host:5000", which is not valid'),
        ("oci://host:5000/model:v1@sha256:0a", 'has the bucket "host:5000", which is not valid'),
        ("s3:///prefix", "has no bucket"),
        ("s3://b@/prefix", "has no region"),
        ("s3://b@EU/prefix", 'has the region "EU", which is not valid'),
        ("gs://", "has no bucket"),
        ("az://account", "has no container"),
        ("az://Account/container/x", 'has the account "Account", which is not valid'),
        ("az://account.example.com/container/x", 'has the account "account.example.com", which is not valid'),
        ("pvc://claim", "has no path in the volume"),
        ("pvc://claim/", "has no path in the volume"),
        ("pvc://:claim/a", "has an empty namespace before the colon"),
        ("pvc://ns:/a", "has no claim after the colon"),
        ("pvc://a:b:c/d", "has more than one colon before the path"),
        ("pvc://-ns:claim/a", 'has a claim or namespace of which "-ns" is not a valid name'),
        ("pvc://claim/../a", 'has the path "../a", which leaves the volume or starts with a slash'),
        ("local://", "has no path"),
        ("local://models/a", 'has the path "models/a", which is neither absolute nor starts with "./"'),
        ("vendor://meta/models", "has no path"),
        ("vendor:///a/b", "has no vendor"),
        ("vendor://meta//b", "has no type"),
        ("github://owner", "has no repository"),
        ("github://owner/repo@", 'has the tag "", which is empty or has a blank'),
        ("github://owner/repo/file", 'has the repository "repo/file", which is not valid'),
    ],
)
def test_errors_say_which_part_is_wrong_and_what_is_accepted(uri: str, wrong: str) -> None:
    with pytest.raises(StorageUriError) as caught:
        parse_storage_uri(uri)
    assert caught.value.message.partition(" ")[2] == wrong or caught.value.message.endswith(wrong)
    scheme = uri.partition("://")[0]
    if scheme in GRAMMAR and not wrong.endswith("valid name"):
        assert caught.value.accepted == GRAMMAR[scheme]
    assert caught.value.accepted


def test_a_password_in_a_uri_is_not_repeated() -> None:
    with pytest.raises(StorageUriError) as caught:
        parse_storage_uri("s3://key:s3cr3t@bucket/prefix")
    assert "s3cr3t" not in str(caught.value)


def test_a_revision_given_apart() -> None:
    assert with_revision(HubUri("a/b"), "v1") == HubUri("a/b", "v1")
    assert with_revision(HubUri("a/b", "v1"), "v1") == HubUri("a/b", "v1")
    for revision in ("v2", "", "a b"):
        with pytest.raises(StorageUriError):
            with_revision(HubUri("a/b", "v1"), revision)


_name = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.]?[A-Za-z0-9])*", fullmatch=True).filter(lambda n: ".." not in n)
_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_key = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20)
_prefix = st.lists(_key, max_size=4).map("/".join)
_bucket = _name.filter(lambda name: name != "n")
_revision = st.lists(_name, min_size=1, max_size=3).map("/".join)
_path_in_volume = st.lists(_key.filter(lambda key: key not in ("", "..")), min_size=1, max_size=4).map("/".join)

_repository = st.from_regex(r"[a-z0-9]{1,9}([._-][a-z0-9]{1,9})?(/[a-z0-9]{1,9}){0,2}", fullmatch=True)
_port = st.integers(1, 65535)

_values = st.one_of(
    st.builds(HubUri, st.tuples(_name, _name).map("/".join) | _name, _revision | st.just("")),
    st.builds(OciUri, _bucket, _prefix),
    st.builds(OciArtifactUri, st.builds("{}:{}".format, _label, _port), _repository, _label),
    st.builds(OciUri, _bucket, _prefix, _name),
    st.builds(OciUri, _bucket, _prefix, _name, _label),
    st.builds(S3Uri, _name, _prefix, _label | st.just("")),
    st.builds(GcsUri, _name, _prefix),
    st.builds(AzureUri, st.from_regex(r"[a-z0-9]{3,24}", fullmatch=True), _label, _prefix),
    st.builds(PvcUri, _label, _path_in_volume, _label | st.just("")),
    st.builds(LocalUri, st.tuples(st.sampled_from(["/", "./", "../"]), _prefix).map("".join)),
    st.builds(VendorUri, _name, _name, _path_in_volume),
    st.builds(GithubUri, _name, _name, _name),
)


@given(_values)
def test_what_is_written_parses_to_the_same_value(value: StorageUri) -> None:
    assert parse_storage_uri(str(value)) == value


_fragments = st.sampled_from(
    ["/", "//", "@", ":", "://", "n/", "/b/", "/o/", "..", ".", "-", " ", "%2f", "\x00", "ü", "a", "B1"]
)
_noise = st.text() | st.lists(_fragments).map("".join)


@given(st.one_of(_noise, st.tuples(st.sampled_from([f"{scheme}://" for scheme in GRAMMAR]), _noise).map("".join)))
def test_any_text_is_a_value_that_round_trips_or_its_own_error(text: str) -> None:
    try:
        value = parse_storage_uri(text)
    except StorageUriError as error:
        assert error.accepted
        assert "\n" not in str(error)
    else:
        assert parse_storage_uri(str(value)) == value
