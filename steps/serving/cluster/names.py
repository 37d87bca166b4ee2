"""Names of what a service becomes on a cluster: OME's where they fit, always valid, never the same for two.

Pure. A Kubernetes Service's name is the strictest (RFC 1035: a letter first, at most 63 characters), so all objects of
a component have a name that would do for one.
"""

import hashlib
import re

from crds.labels import label_value
from steps.serving.component import ComponentName

LONGEST_LABEL = 63
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_HASH_DIGITS = 8


def dns_label(text: str, longest: int = LONGEST_LABEL) -> str:
    """`text` when it is a DNS label of at most `longest` characters, else its start with a digest behind it."""
    if len(text) <= longest and _DNS_LABEL.fullmatch(text):
        return text
    start = re.sub(r"[^-a-z0-9]+", "-", text.lower())
    start = re.sub(r"^[^a-z]+", "", start)[: longest - _HASH_DIGITS - 1].strip("-")
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{start or 'x'}-{digest}"


def service_name(service: str) -> str:
    """Name of the Service that callers use: the InferenceService's."""
    return dns_label(service)


def component_name(service: str, component: ComponentName) -> str:
    """Name of a component's objects: `<service>-engine`."""
    return f"{dns_label(service, LONGEST_LABEL - 1 - len(component))}-{component}"


def as_label_value(text: str) -> str:
    """Any text as a label's value: its invalid characters as dashes, shortened with a digest where it is too long."""
    clean = re.sub(r"[^-A-Za-z0-9_.]+", "-", text).strip("-_.")
    return label_value(clean).strip("-_.")
