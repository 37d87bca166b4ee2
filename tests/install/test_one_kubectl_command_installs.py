"""Where Argo is there, one `kubectl apply -k` of one folder installs everything."""

from pipelines.install.files import REPOSITORY
from pipelines.install.objects import title_of
from tests.install.conftest import Cluster
from tests.install.objects_there import installed, versions

FOLDERS = REPOSITORY / "controller" / "install"


def test_one_run_installs_beside_the_users_argo(cluster: Cluster) -> None:
    theirs = cluster.kubectl("apply", "--server-side", "-f", str(FOLDERS / "argo" / "definitions.yaml"))
    assert theirs.returncode == 0, theirs.stderr
    established = cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    assert established.returncode == 0, established.stderr
    applied = cluster.kubectl("apply", "--server-side", "-k", str(FOLDERS / "existing-argo"))
    assert applied.returncode == 0, applied.stderr
    assert {title_of(each) for each in installed("existing")} <= set(versions(cluster))
