"""A model that follows its source is changed, or its source goes elsewhere, while a newer revision is on its way."""

from tests.controller.plans.argo import importing, only_run
from tests.controller.plans.models import MODEL, settle
from tests.controller.plans.objects import condition
from tests.controller.plans.test_models_keep_up_with_their_source import (
    ITS_DIGEST,
    NEWER,
    asked,
    following,
)

SIGNER = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


def test_the_earlier_revision_keeps_its_signature_while_a_newer_one_is_on_its_way() -> None:
    cluster = following("node-a", "node-b", parameters={"signedBy": SIGNER})
    artifact = cluster.get(*MODEL)["status"]["artifact"]
    assert artifact["signedBy"].startswith("sha256:")
    assert asked(cluster)["artifact"] == artifact
    signed = f", with a signature by {artifact['signedBy']}"
    assert signed in condition(cluster.get(*MODEL), "Cached")["message"]

    for node in ("node-a", "node-b"):
        cluster.delete("ConfigMap", "ome", node)
    status = settle(cluster)
    assert status["state"] == "Ready" and status["artifact"] == artifact

    importing(cluster, only_run(cluster, "import-model"), digest=ITS_DIGEST, revision=NEWER)
    status = settle(cluster)
    assert status["artifact"]["revision"] == NEWER and status["artifact"]["signedBy"] == artifact["signedBy"]
