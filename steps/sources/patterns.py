"""Which files of a repository belong to a manifest. Pure; used by every source.

Patterns are those of huggingface_hub: shell patterns over the whole path, where `*` matches `/` too, and one that ends
in `/` means everything below. Without allow patterns, other formats of the same weights are left out.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from steps.manifest import FileEntry, LeftOut


class Kept(NamedTuple):
    """Files kept and left out, each sorted by path."""

    files: tuple[FileEntry, ...]
    left_out: tuple[LeftOut, ...]


_SAFETENSORS = ("*.safetensors",)
_TORCH = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_GGUF = ("*.gguf",)
_OTHER_FRAMEWORKS = {
    "onnx": ("onnx/*", "*/onnx/*", "*.onnx", "*.onnx_data"),
    "flax": ("flax_model*", "*/flax_model*", "*.msgpack"),
    "tf": ("tf_model*", "*/tf_model*", "*.h5", "*.tflite", "saved_model/*"),
    "OpenVINO": ("openvino/*", "openvino_model*"),
    "Core ML": ("coreml/*", "*.mlmodel", "*.mlpackage/*"),
    "rust": ("rust_model.ot",),
}
_BOOKKEEPING = (".gitattributes", "*/.gitattributes", ".gitignore", "*/.gitignore")


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path matches one of the patterns."""
    return any(fnmatchcase(path, f"{pattern}*" if pattern.endswith("/") else pattern) for pattern in patterns)


def choose_files(files: Iterable[FileEntry], allow: tuple[str, ...], ignore: tuple[str, ...]) -> Kept:
    """Split a listing into the files to keep and those left out, each of these with its reason.

    Args:
        files: The whole listing.
        allow: When given, only matching files are kept, and the default left-outs do not apply.
        ignore: Matching files are left out in any case.
    """
    listing = sorted(files, key=lambda file: file.path)
    reasons = {} if allow else _alternates([file.path for file in listing])
    kept: list[FileEntry] = []
    left_out: list[LeftOut] = []
    for file in listing:
        if allow and not matches_any(file.path, allow):
            reason = f"matches none of the allow patterns {', '.join(allow)}"
        elif matches_any(file.path, ignore):
            reason = f"matches an ignore pattern of {', '.join(ignore)}"
        else:
            reason = reasons.get(file.path, "")
        if reason:
            left_out.append(LeftOut(path=file.path, size=file.size, reason=reason))
        else:
            kept.append(file)
    return Kept(tuple(kept), tuple(left_out))


def _alternates(paths: list[str]) -> dict[str, str]:
    """Why files are left out when no pattern asks for them, by path."""
    outside = [path for path in paths if not path.startswith("original/")]
    has_safetensors = any(matches_any(path, _SAFETENSORS) for path in outside)
    has_weights = any(matches_any(path, _SAFETENSORS + _TORCH + _GGUF) for path in outside)
    reasons: dict[str, str] = {}
    for path in paths:
        if matches_any(path, _BOOKKEEPING):
            reasons[path] = "git's bookkeeping, not part of the model"
        elif path.startswith("original/") and has_weights:
            reasons[path] = "original/ holds the same weights in the authors' own layout"
        elif has_safetensors and matches_any(path, _TORCH):
            reasons[path] = "a PyTorch pickle: the repository has safetensors"
        elif has_safetensors and matches_any(path, _GGUF):
            reasons[path] = "a GGUF file: the repository has safetensors"
        elif has_weights:
            framework = next((name for name, found in _OTHER_FRAMEWORKS.items() if matches_any(path, found)), "")
            if framework:
                reasons[path] = f"weights for {framework}: the repository has others that servers here read"
    return reasons
