"""Which model folders something still needs: model resources, and deployments that run."""

from pathlib import Path

from steps.home import home
from steps.resources import ResourceFolder

_MODEL_KINDS = ("ClusterBaseModel", "BaseModel", "FineTunedWeight")
_LARGEST_STATE = 1 << 20


class References:
    """What refers to model folders, read once."""

    def __init__(self) -> None:
        self.home = str(home())
        self._paths: set[Path] = set()
        resources = ResourceFolder()
        for kind in _MODEL_KINDS:
            for resource in resources.list(kind):
                path = ((resource.get("spec") or {}).get("storage") or {}).get("path")
                if path:
                    self._paths.add(Path(str(path)).resolve())
        self._deployments = [
            path.read_text(errors="replace")
            for path in sorted((home() / "deployments").glob("*/*"))
            if path.suffix in (".json", ".yaml") and path.stat().st_size <= _LARGEST_STATE
        ]

    def has(self, folder: Path) -> bool:
        """Whether a resource or a deployment refers to the folder, or to something in it."""
        if any(path == folder or path.is_relative_to(folder) for path in self._paths):
            return True
        return any(str(folder) in text for text in self._deployments)
