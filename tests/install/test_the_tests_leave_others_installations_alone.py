"""The tests on a user's cluster do not touch an installation that they did not make."""

from pathlib import Path

import pytest

from steps.errors import ClusterError
from tests.cluster.kubectl import Kubectl
from tests.cluster.users_installation import check_free, mark
from tests.install.conftest import Cluster, kubectl_program


def test_an_installation_is_refused_unless_it_is_the_tests_own(cluster: Cluster) -> None:
    kubectl = Kubectl(Path(kubectl_program()), cluster.server.kubeconfig)
    check_free(kubectl)
    made = cluster.ome("install", "--argo", "bundled", "--no-wait")
    assert made.returncode == 0, made.stderr
    with pytest.raises(ClusterError, match="has namespace ome, which these tests did not make") as caught:
        check_free(kubectl)
    assert "kubectl label namespace ome ome.io/installed-by-tests=true" in caught.value.remedy
    mark(kubectl)
    check_free(kubectl)
    removed = cluster.ome("uninstall", "--yes", "--keep-crds", "--timeout", "0")
    assert removed.returncode == 0, removed.stderr
    kubectl("label", "namespace", "ome", "ome.io/installed-by-tests-")
    with pytest.raises(ClusterError, match="which these tests did not make"):
        check_free(kubectl)
