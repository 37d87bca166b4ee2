"""The choice: what select hands to deploy. It says why this runtime, and why not every other."""

from typing import Literal

from steps.frozen import Frozen

FitVerdict = Literal["fits", "tight", "does-not-fit", "unknown"]


class Refusal(Frozen):
    """A runtime that was not chosen.

    Attributes:
        runtime: Its name; namespaced ones as `namespace/name`.
        reason: A sentence with the value that was wrong and what would be accepted.
        is_candidate: True when it would do but ranked lower; False when it was refused.
    """

    runtime: str
    reason: str
    is_candidate: bool = False


class Parallelism(Frozen):
    """How a model is spread: devices are tensor x pipeline (x data)."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1

    @property
    def devices(self) -> int:
        """Devices in all."""
        return self.tensor * self.pipeline * self.data


class Fit(Frozen):
    """Will it run: bytes per device against what the device has.

    Attributes:
        verdict: `tight` leaves less than the margin; `unknown` when memory or facts are missing.
        weights, kv_cache, activations, cuda_graphs, adapters, overhead: Bytes on each device.
        needed: Their sum, in bytes.
        available: Bytes of the device times the utilisation cap.
        context: Tokens per sequence that was assumed.
        concurrency: Sequences at once that were assumed.
        explanation: One line with the numbers.
    """

    verdict: FitVerdict
    weights: int = 0
    kv_cache: int = 0
    activations: int = 0
    cuda_graphs: int = 0
    adapters: int = 0
    overhead: int = 0
    needed: int = 0
    available: int = 0
    context: int = 0
    concurrency: int = 1
    confidence: Literal["exact", "estimated"] = "exact"
    explanation: str = ""


class Choice(Frozen):
    """A runtime, an accelerator and how to spread the model over it.

    Attributes:
        runtime: Name of the runtime; "" in what a selection leaves that has found none.
        runtime_namespace: Its namespace, or "" for a ClusterServingRuntime.
        accelerator: AcceleratorClass name, or "" when the runtime asks for none.
        context: Tokens per sequence that were asked for, which deploy sets; 0 leaves the runtime's own.
        matched_entry: Index in the runtime's supportedModelFormats of the entry that matched.
        score: As OME computes it, of the matched entry.
        reasons: Why it won, in sentences.
        refused: Every other runtime, best first; as many as there is room for (`steps.choice_table`).
        left_out: How many more there are.
        warnings: What was accepted but is not exact, in sentences.
    """

    runtime: str
    runtime_namespace: str = ""
    accelerator: str = ""
    parallelism: Parallelism = Parallelism()
    fit: Fit = Fit(verdict="unknown")
    context: int = 0
    matched_entry: int = 0
    score: int = 0
    reasons: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    left_out: int = 0
    warnings: tuple[str, ...] = ()
