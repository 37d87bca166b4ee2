"""A service on a real cluster: its objects rendered purely, then applied, pruned and waited for.

`render` turns an InferenceService and its runtime into Kubernetes objects; `rollout` judges what the cluster says of
them; `deploy` does both against the API server. Called by `steps.deploy_service` where `OME_CLUSTER_NAMESPACE` is set.
"""
