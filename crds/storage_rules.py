"""Rules of storage: each scheme's grammar, as `crds.storage_uri` parses it, and the two spellings side by side."""

from crds.artifact_uri import ARTIFACT_WITH_PORT
from crds.cel import PASSWORD, Cel, Rule, matches, shown, shown_uri
from crds.signature_policy import SIGNER
from crds.storage import MANIFEST_DIGEST, MANIFEST_DIGESTS
from crds.storage_location import GRAMMAR, PLUGGED

_BUCKET = r"[A-Za-z0-9]([\w.-]*\w)?"
_HUB = r"\w([\w.-]{0,94}\w)?"
_REGION = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAMESPACE = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_REVISION = r"[^\s~^:?*\[\\@/]+(/[^\s~^:?*\[\\@/]+)*"
_DOTS_IN_REVISION = r"(^|[@/])[.]{1,2}(/|$)"
_REST = r"(/(?s:.*))?"
_UNPRINTABLE = r"[\p{Cc}\p{Zl}\p{Zp}]"
_BARE_REPOSITORY = r"^[A-Za-z0-9][\w.-]*/[\w.-]+(@\S+)?$"

_PATTERNS = {
    "hf": rf"^hf://{_HUB}(/{_HUB})?(@{_REVISION})?$",
    "s3": rf"^s3://{_BUCKET}(@{_REGION})?{_REST}$",
    "gs": rf"^gs://{_BUCKET}{_REST}$",
    "az": rf"^az://[a-z0-9]{{3,24}}(\.blob\.core\.windows\.net)?/[$a-z0-9][a-z0-9-]*{_REST}$",
    "pvc": rf"^pvc://({_NAMESPACE}:)?{_NAME}(\.{_NAME})*/[^/](?s:.*)$",
    "local": r"^local://(\.\.?)?/",
    "vendor": r"^vendor://[^/]+/[^/]+/(?s:.+)$",
    "github": rf"^github://{_HUB}/[\w.-]+(@\S+)?$",
}
_STRICT_OCI = rf"^oci://n/{_BUCKET}/b/{_BUCKET}(/o{_REST})?$"
_LOOSE_OCI = rf"^oci://{_BUCKET}(@{_REGION}/{_BUCKET})?{_REST}$|{ARTIFACT_WITH_PORT}"

_REPOSITORY = "self.split('@')[0]"
_REVISION_IN_URI = "self.substring(self.indexOf('@'))"
_FURTHER = {
    "hf": f"!{_REPOSITORY}.contains('..') && !{_REPOSITORY}.contains('--')"
    f" && (!self.contains('@') || !{matches(_REVISION_IN_URI, _DOTS_IN_REVISION)})",
    "pvc": "!(self + '/').contains('/../')",
    "github": "!" + matches("self", r"^github://[^/]+/[.]{1,2}(@|$)"),
}
"""What RE2 cannot say in the pattern, as it has no looking ahead."""


def _grammar(scheme: str) -> Rule:
    if scheme == "oci":
        is_strict = matches("self", "^oci://n(/|$)")
        holds = f"{is_strict} ? {matches('self', _STRICT_OCI)} : {matches('self', _LOOSE_OCI)}"
    else:
        holds = " && ".join(part for part in (matches("self", _PATTERNS[scheme]), _FURTHER.get(scheme, "")) if part)
    return Rule(
        holds=f"!self.startsWith('{scheme}://') || ({holds})",
        says=(shown_uri("self"), " is not a storage URI"),
        accepted=GRAMMAR[scheme],
    )


URI_RULES = (
    Rule(
        holds="self == '' || " + matches("self", "^(" + "|".join([*GRAMMAR, PLUGGED]) + ")://"),
        says=(
            shown_uri("self"),
            Cel("(self.contains('://') ? ' has an unknown scheme' : ' has no scheme')"),
            Cel(f"({matches('self', _BARE_REPOSITORY)} ? '; did you mean \"hf://' + self + '\"?' : '')"),
        ),
        accepted=", ".join(f"{scheme}://" for scheme in GRAMMAR),
    ),
    Rule(
        holds="!" + matches("self", PASSWORD),
        says=("has a user and a password in it; name a Secret instead",),
        accepted="a URI without them, and a Secret's name in key",
    ),
    Rule(
        holds="!" + matches("self", rf"{_UNPRINTABLE}|^ | $|^[a-z0-9-]+:// "),
        says=(shown_uri("self"), " has a control character, or a blank at its start or end"),
        accepted="a URI without them",
    ),
    *(_grammar(scheme) for scheme in GRAMMAR),
    Rule(
        holds=f"!{matches('self', f'^{PLUGGED}://$')}",
        says=(shown_uri("self"), " has nothing after the scheme"),
        accepted="x-<name>://<what its source reads>",
    ),
)
"""Of `storageUri`. "" counts as absent; where a URI must be, `REQUIRED_URI` says so."""

REQUIRED_URI = Rule(
    holds="has(self.storageUri) && self.storageUri != ''",
    says=("is missing",),
    accepted="a storage URI such as hf://org/name",
    field=".storageUri",
    is_missing=True,
)

_ABSOLUTE = 'an absolute path without "..", such as /mnt/models/llama'
PATH_RULES = (
    Rule("self == '' || self.startsWith('/')", (shown("self"), " is not absolute"), _ABSOLUTE),
    Rule("!('/' + self + '/').contains('/../')", (shown("self"), ' has ".." in it'), _ABSOLUTE),
    Rule("!" + matches("self", _UNPRINTABLE), (shown("self"), " has a control character"), _ABSOLUTE),
)

PATTERN_RULES = (Rule("self.trim() != ''", (shown("self"), " is empty"), 'a file pattern such as "*.safetensors"'),)

_GIVEN = "self.parameters['revision']"
_OF_HUB = (
    "has(self.parameters) && 'revision' in self.parameters && has(self.storageUri)"
    " && self.storageUri.startsWith('hf://')"
)
_SIGNER, _SIGNATURE = "self.parameters['signedBy']", "self.parameters['signature']"
_DIGEST = "self.parameters['manifestDigest']"
_AUTH, _AUTH_TYPE = "self.parameters['auth']", "self.parameters['auth_type']"

STORAGE_RULES = (
    Rule(
        holds="!has(self.storageKey) || !has(self.key) || self.storageKey == self.key",
        says=(shown("self.storageKey"), " conflicts with key ", shown("self.key")),
        accepted="one of key and storageKey, which mean the same",
        field=".storageKey",
    ),
    Rule(
        holds="!has(self.parameters) || !('auth' in self.parameters) || !('auth_type' in self.parameters)"
        f" || {_AUTH} == {_AUTH_TYPE}",
        says=("auth_type ", shown(_AUTH_TYPE), " conflicts with parameters.auth ", shown(_AUTH)),
        accepted="one of parameters.auth and parameters.auth_type, which mean the same",
        field=".parameters",
    ),
    Rule(
        holds="!has(self.parameters) || !('manifestDigest' in self.parameters)"
        f" || {matches(_DIGEST, f'^{MANIFEST_DIGEST}$')}",
        says=("manifestDigest ", shown(_DIGEST), " is no digest of a manifest"),
        accepted=MANIFEST_DIGESTS,
        field=".parameters",
    ),
    Rule(
        holds=f"!({_OF_HUB} && self.storageUri.contains('@')) || self.storageUri.endsWith('@' + {_GIVEN})",
        says=(shown_uri("self.storageUri"), " conflicts with the revision ", shown(_GIVEN)),
        accepted="one of the two, or the same in both",
        field=".parameters",
    ),
    Rule(
        holds=f"!({_OF_HUB}) || {matches(_GIVEN, f'^{_REVISION}$')} && !{matches(_GIVEN, _DOTS_IN_REVISION)}",
        says=("the revision ", shown(_GIVEN), " is no branch, tag or commit"),
        accepted=GRAMMAR["hf"],
        field=".parameters",
    ),
    Rule(
        holds=f"!has(self.parameters) || !('signedBy' in self.parameters) || !{_SIGNER}.contains('PRIVATE KEY-----')",
        says=("signedBy holds a private key, which must not be here",),
        accepted=SIGNER,
        field=".parameters",
    ),
    Rule(
        holds="!has(self.parameters) || !('signature' in self.parameters) || 'signedBy' in self.parameters"
        f" || {_SIGNATURE} == ''",
        says=("signature is ", shown(_SIGNATURE), ", and nothing says whose it must be"),
        accepted="parameters.signedBy too, or neither",
        field=".parameters",
    ),
)
