"""What a person says of the server that is measured: for the report, and for genai-bench as far as it knows the words.

`spec.serviceMetadata` of a BenchmarkJob; called by `steps.benchmark_endpoint`.
"""

from typing import Final

from steps.frozen import Frozen

ENGINES: Final = ("vLLM", "SGLang", "TGI", "cohere-TensorRT", "cohere-vLLM", "LlamaCPP")
GPU_TYPES: Final = ("H100", "A100-80G", "A100-40G", "MI300", "A10", "H200", "B200", "RTX-PRO-6000")
"""The words that genai-bench 0.0.5 accepts (`genai_bench/cli/option_groups.py`); any other ends it at its start."""


class ServerLabels(Frozen):
    """A server, in a person's words.

    Attributes:
        engine: Such as vLLM.
        version: Of the engine.
        gpu_type: Such as H100.
        gpu_count: How many of them; 0 where it is not said.
    """

    engine: str = ""
    version: str = ""
    gpu_type: str = ""
    gpu_count: int = 0

    def __str__(self) -> str:
        """Such as "vLLM 0.11, 8 × H100"."""
        count = f"{self.gpu_count} × " if self.gpu_count and self.gpu_type else ""
        return ", ".join(filter(None, (f"{self.engine} {self.version}".strip(), f"{count}{self.gpu_type}")))

    def arguments(self) -> list[str]:
        """Words for genai-bench; what it would refuse is left out."""
        said = {
            "--server-engine": self.engine if self.engine in ENGINES else "",
            "--server-gpu-type": self.gpu_type if self.gpu_type in GPU_TYPES else "",
            "--server-version": self.version,
            "--server-gpu-count": str(self.gpu_count or ""),
        }
        return [word for option, value in said.items() if value for word in (option, value)]
