"""A model, a service of it and a benchmark of that, all of one name: what they come to, and what is left of them."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Final

from crds.labels import INFERENCE_SERVICE, MANIFEST
from tests.cluster.asking import ask
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.objects import benchmark, condition, model, service

_OWNED: Final = ("workflow", "deployment", "service", "cronworkflow", "secret", "poddisruptionbudget", "configmap")
GOLDEN: Final = Path(__file__).parent / "golden" / "end.txt"
"""What three of them that came in any order end as; OME_REGENERATE=1 writes it."""
_HEXADECIMAL: Final = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8,}\b")


class Three:
    """One life of them on a cluster.

    Attributes:
        objects: By `model`, `service` and `benchmark`, as they are applied.
    """

    def __init__(self, kubectl: Kubectl, name: str, namespace: str) -> None:
        self.kubectl, self.name, self.namespace = kubectl, name, namespace
        self.objects: Mapping[str, Object] = {
            "model": model(name),
            "service": service(name, name, namespace),
            "benchmark": benchmark(name, name, namespace),
        }

    def apply(self, *words: str) -> None:
        """Apply them, one after the other."""
        for word in words:
            self.kubectl.apply(self.objects[word])

    def has_ended(self) -> bool:
        """Whether the benchmark has ended, well or not, which is the last that happens."""
        return has_ended(self.kubectl.get("benchmarkjob", self.name, self.namespace))

    def check(self, image: str) -> None:
        """All three have ended well: there are numbers without an error, and the service answers another pod."""
        status = self.kubectl.get("benchmarkjob", self.name, self.namespace)["status"]
        assert status["state"] == "Completed", status
        (cell,) = status["results"]
        assert cell["requests"] > 0 and float(cell["errorRate"]) == 0.0 and float(cell["ttft"]["p50"]) > 0, cell
        stored = self.kubectl.get("clusterbasemodel", self.name)
        assert condition(stored)["status"] == "True"
        places = [pod["spec"]["nodeName"] for pod in self._serving()]
        assert places and set(places) <= set(stored["status"]["nodesReady"]), places
        served = self.kubectl.get("inferenceservice", self.name, self.namespace)
        assert condition(served)["status"] == "True"
        assert ask(self.kubectl, served, image).strip()

    def end(self) -> str:
        """What there is of them, without what differs from one life to the next: names, digests, numbers."""
        lines = []
        for kind, namespace in (
            ("clusterbasemodel", ""), ("inferenceservice", self.namespace), ("benchmarkjob", self.namespace),
        ):  # fmt: skip
            found = self.kubectl.get(kind, self.name, namespace)
            lines.append(f"{kind}: finalizers {', '.join(found['metadata'].get('finalizers', ['none']))}")
            lines.append(f"{kind}: status has {', '.join(sorted(found['status']))}")
            told = (f"{c['type']} {c['status']} {c.get('reason', '')}" for c in found["status"]["conditions"])
            lines += sorted(f"{kind}: {each}" for each in told)
        lines += sorted(self._plain(each) for each in self._named(_OWNED))
        lines.append(f"pods that serve: {len(self._serving())}")
        labels = [key for node in self.kubectl.list("node") for key in node["metadata"]["labels"]]
        lines += sorted(f"label of a node: {self._plain(key)}" for key in labels if self._is_of(key))
        return "".join(f"{line}\n" for line in lines)

    def delete(self) -> None:
        """Ask for all to go, and do not wait."""
        for kind in ("inferenceservice", "benchmarkjob"):
            self.kubectl("delete", kind, self.name, f"--namespace={self.namespace}", "--wait=false")
        self.kubectl("delete", "clusterbasemodel", self.name, "--wait=false")

    def left(self) -> list[str]:
        """Which of the three there still are."""
        kinds = ("clusterbasemodel", "inferenceservice", "benchmarkjob")
        found = [(kind, each["metadata"]) for kind in kinds for each in self.kubectl.list(kind)]
        return [kind for kind, metadata in found if metadata["name"] == self.name]

    def identity(self) -> tuple[str, str]:
        """The model's uid and the digest of its manifest, to look for when it is gone."""
        stored = self.kubectl.get("clusterbasemodel", self.name)
        return stored["metadata"]["uid"], stored["status"]["artifact"]["digest"].removeprefix("sha256:")

    def traces(self, uid: str, digest: str) -> list[str]:
        """What there still is of them when they are gone."""
        keys = [key for node in self.kubectl.list("node") for key in node["metadata"]["labels"]]
        found = [key for key in keys if self._is_of(key) or uid in key]
        for each in self.kubectl.list("configmap"):
            metadata, data = each["metadata"], each.get("data") or {}
            is_named = self.name in metadata["name"] or self.name in json.dumps(metadata.get("labels", {}))
            found += [f"configmap {metadata['name']}"] if is_named else []
            found += [f"{metadata['name']} {key}" for key in data if self.name in key]
        manifests = self.kubectl.list("configmap", "ome", f"{MANIFEST}={digest[:12]}")
        return found + [m["metadata"]["name"] for m in manifests] + self._named((*_OWNED, "pod"))

    def objects_on(self, cluster: LocalCluster) -> list[Path]:
        """What the model's files are in the stores of this machine's nodes, to look for when it is gone."""
        found = []
        for root in _roots(cluster):
            own = {path.stat().st_ino for path in (root / self.name).rglob("*") if path.is_file()}
            found += [path for path in (root / ".ome" / "objects").rglob("*") if path.stat().st_ino in own]
        return found

    def files(self, cluster: LocalCluster, objects: Iterable[Path]) -> list[Path]:
        """What the nodes of this machine's cluster still have: folders of the name, and objects that no model has.

        Args:
            cluster: This machine's.
            objects: Those that were the model's.
        """
        folders = [path for root in _roots(cluster) for path in root.glob(f"*{self.name}*")]
        return folders + [path for path in objects if path.exists() and path.stat().st_nlink == 1]

    def _serving(self) -> list[Object]:
        """The service's pods that are to stay."""
        pods = self.kubectl.list("pod", self.namespace, f"{INFERENCE_SERVICE}={self.name}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def _named(self, kinds: Iterable[str]) -> list[str]:
        """Objects that have the name in theirs, or as the one that they belong to."""
        found = []
        for kind in kinds:
            for each in self.kubectl.list(kind):
                metadata = each["metadata"]
                is_owned = metadata.get("labels", {}).get("ome.io/name") == self.name
                if is_owned or f"-{self.name}-" in f"-{metadata['name']}-":
                    found.append(f"{kind} {metadata['namespace']}/{metadata['name']}")
        return found

    def _is_of(self, label: str) -> bool:
        return self.name in label

    def _plain(self, text: str) -> str:
        return _HEXADECIMAL.sub("HEX", text.replace(self.namespace, "NAMESPACE").replace(self.name, "NAME"))


def has_ended(benchmark_job: Object) -> bool:
    """Whether a BenchmarkJob has ended, well or not."""
    return (benchmark_job.get("status") or {}).get("state") in ("Completed", "Failed")


def _roots(cluster: LocalCluster) -> list[Path]:
    """The models roots of the nodes."""
    return [node.folder / "mnt" / "models" for node in cluster.nodes]


def check_end(three: Three) -> None:
    """They have come to the same end as any others."""
    found = three.end()
    if os.environ.get("OME_REGENERATE") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found)
    differs = "\n".join(unified_diff(GOLDEN.read_text().splitlines(), found.splitlines(), "a calm life", "this", n=0))
    assert not differs, differs
