"""The programs of the test cluster: the Go module each is built from, and the fingerprint that says it is up to date.

Pure. `binaries.py` builds what this names. A folder of `modules/` pins versions (go.mod, go.sum); what a module needs
beside its published source lies there too.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steps.errors import InvalidInputError

MODULES_FOLDER = Path(__file__).parent / "modules"
KUBERNETES_VERSION = "v1.34.3"
HELM_VERSION = "v3.19.0"
ARGO_RELEASES = {"3.7": "v3.7.14", "4.0": "v4.0.7"}
"""Releases of Argo Workflows that the cluster may have, and what is built of each."""
ARGO_VARIABLE = "OME_TEST_ARGO"
_ARGO = os.environ.get(ARGO_VARIABLE) or "3.7"
if _ARGO not in ARGO_RELEASES:
    sys.exit(f'error: {ARGO_VARIABLE}: "{_ARGO}" is not known; accepted: {", ".join(ARGO_RELEASES)}')
ARGO_VERSION = ARGO_RELEASES[_ARGO]
ARGO_MODULE = f"github.com/argoproj/argo-workflows/{ARGO_VERSION[:2]}"
ARGO_PROGRAMS: tuple[str, ...] = ("argo", "argoexec", "workflow-controller")
_KUBERNETES_VERSION_PACKAGE = "k8s.io/component-base/version"


@dataclass(frozen=True, eq=False)
class GoModule:
    """A folder of `modules/`, and what is built in it.

    Attributes:
        name: The folder's name.
        packages: The Go package of each program.
        variables: Linker variables (`package.name`) and their values: the version that a program tells.
        laid_over: A published module that is built from a copy, with the files of `_over/` in the place of its own:
            they leave out what tests do not use and what takes long to compile. "" for none.
    """

    name: str
    packages: Mapping[str, str]
    variables: Mapping[str, str]
    laid_over: str = ""

    @property
    def folder(self) -> Path:
        """Where its go.mod is."""
        return MODULES_FOLDER / self.name

    def fingerprint(self, program: str) -> str:
        """What the program is made from, as a digest: another one means that it must be built again."""
        digest = hashlib.sha256(repr((self.packages[program], sorted(self.variables.items()))).encode())
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            digest.update(str(path.relative_to(self.folder)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()


_KUBERNETES = {
    name: f"k8s.io/kubernetes/cmd/{name}"
    for name in ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet")
}
_ARGO_PACKAGES = {name: f"{ARGO_MODULE}/cmd/{name}" for name in ARGO_PROGRAMS}
_IS_NEXT_ARGO = not ARGO_VERSION.startswith("v3.")

GO_MODULES: tuple[GoModule, ...] = (
    # One module for all of them, so that the half of their packages which they share is compiled once (decision 014).
    GoModule(
        "cluster",
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            **_KUBERNETES,
            "helm": "helm.sh/helm/v3/cmd/helm",
            "coredns": "./coredns",
            **({} if _IS_NEXT_ARGO else _ARGO_PACKAGES),
        },
        {
            f"{_KUBERNETES_VERSION_PACKAGE}.gitVersion": KUBERNETES_VERSION,
            f"{_KUBERNETES_VERSION_PACKAGE}.gitMajor": KUBERNETES_VERSION.removeprefix("v").split(".")[0],
            f"{_KUBERNETES_VERSION_PACKAGE}.gitMinor": KUBERNETES_VERSION.split(".")[1],
            "helm.sh/helm/v3/internal/version.version": HELM_VERSION,
            "github.com/argoproj/argo-workflows/v3.version": ARGO_RELEASES["3.7"],
        },
    ),
    *((GoModule("argo-4", _ARGO_PACKAGES, {f"{ARGO_MODULE}.version": ARGO_VERSION}),) if _IS_NEXT_ARGO else ()),
    GoModule("versitygw", {"versitygw": "./versitygw"}, {}, laid_over="github.com/versity/versitygw"),
    GoModule("fake-gcs-server", {"fake-gcs-server": "./fake-gcs-server"}, {}),
    GoModule("registry", {"registry": "./registry"}, {}),
)

PROGRAMS: tuple[str, ...] = tuple(program for module in GO_MODULES for program in module.packages)
STORES: tuple[str, ...] = ("versitygw", "fake-gcs-server", "registry")
"""Object stores, and a container registry, that the tests of sources ask; a cluster does without them."""
OF_A_CLUSTER: tuple[str, ...] = tuple(program for program in PROGRAMS if program not in STORES)
"""What a cluster is made of, in the order in which it is built."""


def by_module(names: tuple[str, ...]) -> dict[GoModule, tuple[str, ...]]:
    """The named programs, grouped by the module they are built from.

    Raises:
        InvalidInputError: for a name that is no program of the cluster.
    """
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown:
        raise InvalidInputError(f'program "{unknown[0]}" is unknown; there are: {", ".join(PROGRAMS)}')
    wanted = {module: tuple(name for name in module.packages if name in names) for module in GO_MODULES}
    return {module: programs for module, programs in wanted.items() if programs}
