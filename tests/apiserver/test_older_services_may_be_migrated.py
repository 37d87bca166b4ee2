"""The patch of a service of OME's older form is one that the API server takes, and leaves nothing of that form."""

import yaml

from controller.actions import PatchObject
from controller.plans.predictor import migration
from crds.predictor import migrated
from tests.apiserver.fixture import ApiServer
from tests.crds.samples import MANIFESTS


def test_the_manifest_of_a_user_of_ome_is_brought_into_the_newer_form(ome_api_server: ApiServer) -> None:
    older = list(yaml.safe_load_all((MANIFESTS / "services.yaml").read_text()))[-1]
    older["metadata"]["namespace"] = ome_api_server.new_namespace("older")
    stored = ome_api_server.admin.create(older)
    patch = next(each for each in migration(stored) if isinstance(each, PatchObject))
    written = {**patch.patch, "metadata": {"resourceVersion": patch.resource_version}}
    newer = ome_api_server.admin.patch(stored, written)
    assert newer["spec"] == migrated(older["spec"])
    assert migration(newer) == ()
