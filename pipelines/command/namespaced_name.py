"""`namespace/name`, as `ome get` prints it, which `ome ask`, `benchmark`, `get` and `delete` take back."""


def split_name(name: str, namespace: str) -> tuple[str, str]:
    """The name and the namespace that a person means; one before the name counts more than `--namespace`.

    Args:
        name: `smollm2` or `default/smollm2`.
        namespace: What `--namespace` says.
    """
    before, slash, bare = name.partition("/")
    return (bare, before) if slash and before and bare else (name, namespace)
