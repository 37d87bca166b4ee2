"""The step that looks after a node's cache: it mends what is damaged and removes what nothing needs."""

import platform
import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from steps.contract import StepInputs, StepOutputs, step
from steps.errors import DamagedError, OmeError

if TYPE_CHECKING:
    from steps.cache.verifying import Fault

_DAY_SECONDS = 86400


class AuditInputs(StepInputs):
    """Where, and what to do about what is found."""

    node: str = Field(default="", description="The node this runs on; empty for any (on one machine, this).")
    damaged: Literal["repair", "report"] = Field(
        default="repair", description="Whether damaged and missing files are fetched again, or only reported."
    )
    rest_days: int = Field(
        default=7, ge=0, description="Downloads that nobody has gone on with for so many days are removed."
    )
    secret: str = Field(default="", description="Secret with the token or the keys of the sources, if they need any.")
    secret_key: str = Field(default="token", description="The key of the token in that Secret.")


class AuditOutputs(StepOutputs):
    """What was found, and done."""

    node: str = Field(description="The node that was audited.")
    models: int = Field(description="Models that were verified.")
    hashed_bytes: int = Field(description="Bytes that were read and hashed; each file on disk once.")
    faults: int = Field(description="Files that were damaged, missing or foreign.")
    mended: int = Field(description="Files of these that are sound again.")
    fetched_bytes: int = Field(description="Bytes fetched to mend them.")
    freed_bytes: int = Field(description="Bytes that nothing needed and that are gone.")


@step(
    "audit-cache",
    title="Audit the cache",
    description="Hashes every file of the node's models, mends what is damaged, and removes what nothing needs.",
)
def audit_cache(inputs: AuditInputs) -> AuditOutputs:
    """Verify, repair and collect. Files that no import made are named and never touched.

    Raises:
        DamagedError: names the first file that is damaged or missing and was not mended.
        OmeError: why it could not be mended, of the class that fits.
    """
    from steps.cache.pruning import prune
    from steps.cache.repair import repair
    from steps.cache.verifying import verify
    from steps.cluster.pod import node_name
    from steps.progress import ProgressReporter

    report = ProgressReporter().report
    node = node_name() or inputs.node or platform.node() or "localhost"
    found = verify(on_progress=report)
    repaired = repair(found, report) if inputs.damaged == "repair" else None
    freed = prune(inputs.rest_days * _DAY_SECONDS).freed_bytes
    mended = frozenset(repaired.mended) if repaired is not None else frozenset()
    for fault in found.faults:
        told = "mended" if fault.path in mended else fault.found or "gone"
        sys.stderr.write(f"{fault.path}: {fault.kind}, {told}\n")
    fetched = repaired.fetched_bytes if repaired is not None else 0
    sys.stderr.write(
        f"{node}: {len(found.models)} models, {found.hashed_bytes} bytes hashed, {len(found.faults)} faults, "
        f"{len(mended)} mended, {fetched} bytes fetched, {freed} bytes freed\n"
    )
    left = [fault for fault in found.faults if fault.path not in mended and fault.kind != "foreign"]
    _raise_what_is_left(node, left, repaired.failures if repaired is not None else ())
    return AuditOutputs(
        node=node,
        models=len(found.models),
        hashed_bytes=found.hashed_bytes,
        faults=len(found.faults),
        mended=len(mended),
        fetched_bytes=fetched,
        freed_bytes=freed,
    )


def _raise_what_is_left(node: str, left: "list[Fault]", failures: tuple[OmeError, ...]) -> None:
    if failures:
        first = failures[0]
        also = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise type(first)(f"{node}: {first.message}{also}", remedy=first.remedy)
    if left:
        raise DamagedError(
            f"{node}: {len(left)} files are not sound; the first is {left[0].path}, which is {left[0].kind}",
            remedy="Run audit-cache with damaged=repair; a model without a readable marker has to be imported again.",
        )
