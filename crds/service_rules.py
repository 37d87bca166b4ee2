"""Rules of services, runtimes and what they share: names, URLs, replicas, leader and worker, sizes, rollouts."""

from crds.autoscaling import NUMBER
from crds.cel import Cel, Rule, matches, shown
from crds.scenario import FORMS

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PORT = r"0*([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_HOST = r"([^/?#]*@)?(\[[^\]/?#\s]+\]|[^/?#\s:@\[\]]+)"
_URL = rf"^(?i:https?)://{_HOST}(:({_PORT})?)?([/?#]\S*)?$"
_NUMBER = rf"^{NUMBER}$"

NAME_RULES = (
    Rule(
        holds=matches("self", rf"^{_LABEL}(\.{_LABEL})*$"),
        says=(shown("self"), " is not a valid name"),
        accepted="lower-case letters, digits, '-' and '.', at most 253, each part starting and ending with a letter or"
        " digit",
    ),
)
NAMESPACE_RULES = (
    Rule(
        holds=f"self == '' || {matches('self', f'^{_LABEL}$')}",
        says=(shown("self"), " is not a valid name"),
        accepted="lower-case letters, digits and '-', at most 63, starting and ending with a letter or digit",
    ),
)

_URL_SAYS = (shown("self"), " is not an http:// or https:// URL with a host")
URL_RULES = (Rule(matches("self", _URL), _URL_SAYS, "a URL such as http://host:8080"),)
OPTIONAL_URL_RULES = (Rule(f"self == '' || {matches('self', _URL)}", _URL_SAYS, "a URL such as http://host:8080"),)
NUMBER_RULES = (
    Rule(
        holds=f"self == '' || {matches('self', _NUMBER)}",
        says=(shown("self"), " is not a number"),
        accepted='a number as text, such as "10"',
    ),
)

COMPONENT_RULES = (
    Rule(
        holds="!has(self.minReplicas) || !has(self.maxReplicas) || self.maxReplicas == 0"
        " || self.minReplicas <= self.maxReplicas",
        says=(
            "minReplicas ", Cel("string(self.minReplicas)"),
            " is more than maxReplicas ", Cel("string(self.maxReplicas)"),
        ),
        accepted="minReplicas up to maxReplicas; either may be absent",
        field=".minReplicas",
    ),
    Rule(
        holds="!has(self.minAvailable) || !has(self.maxUnavailable)",
        says=("is given beside minAvailable",),
        accepted="one of minAvailable and maxUnavailable",
        field=".maxUnavailable",
    ),
)  # fmt: skip

ENGINE_RULES = (
    Rule(
        holds="!has(self.leader) || has(self.worker)",
        says=("is missing, and leader is given",),
        accepted="leader and worker together, or neither",
        field=".worker",
        is_missing=True,
    ),
    Rule(
        holds="!has(self.worker) || has(self.leader)",
        says=("is missing, and worker is given",),
        accepted="leader and worker together, or neither",
        field=".leader",
        is_missing=True,
    ),
    Rule(
        holds="!has(self.worker) || !has(self.worker.size) || self.worker.size > 0",
        says=("0 is no worker",),
        accepted="a number above 0",
        field=".worker.size",
    ),
)


def _has_image(owner: str) -> str:
    return f"has({owner}.runner) && has({owner}.runner.image) && {owner}.runner.image != ''"


_RUNS_BY_ITSELF = (
    "has(self.engine) && (has(self.engine.leader) && has(self.engine.worker)"
    f" ? {_has_image('self.engine.leader')} && {_has_image('self.engine.worker')}"
    f" : {_has_image('self.engine')})"
)
SERVICE_RULES = (
    Rule(
        holds="!has(self.decoder) || has(self.engine)",
        says=("is given without an engine",),
        accepted="decoder beside engine",
        field=".decoder",
    ),
    Rule(
        holds=f"has(self.predictor) || has(self.model) || ({_RUNS_BY_ITSELF})",
        says=("is missing",),
        accepted="a model's name, or an engine whose runner (or leader and worker runners) has an image",
        field=".model",
        is_missing=True,
    ),
)

_LONGEST_NAME = "(has(self.spec.decoder) ? 55 : 56)"
NAME_OF_SERVICE_RULES = (
    Rule(
        holds=f"{matches('self.metadata.name', '^[a-z]([-a-z0-9]*[a-z0-9])?$')}"
        f" && self.metadata.name.size() <= {_LONGEST_NAME}",
        says=('"', Cel("self.metadata.name"), '" is not a valid name of an InferenceService'),
        accepted="lower-case letters, digits and '-', starting with a letter, not ending with '-', at most 56,"
        " or 55 with a decoder",
        field=".metadata.name",
    ),
)
"""Of the whole object. The names of its Kubernetes Services are its own with a component's after it."""

MEMORY_RULES = (
    Rule(
        holds="!has(self.minMemory) || !has(self.maxMemory) || self.minMemory <= self.maxMemory",
        says=("minMemory ", Cel("string(self.minMemory)"), " is more than maxMemory ", Cel("string(self.maxMemory)")),
        accepted="minMemory up to maxMemory; either may be absent",
        field=".minMemory",
    ),
)

_SIZE = r"^\s*\d{1,30}(\.\d{1,30})?[kKmMbBtT]?\s*$"
SIZE_RULES = (
    Rule(
        holds=f"self == '' || {matches('self', _SIZE)}",
        says=(shown("self"), " is not a model size"),
        accepted='a number of parameters with K, M, B or T, such as "7B", "0.5B" or "134.52M"',
    ),
)


def _parameters(size: str) -> str:
    """CEL: the number of parameters that a valid size stands for."""
    upper = f"{size}.upperAscii()"
    digits = f"{size}.trim().upperAscii()"
    for unit in "KMBT":
        digits += f".replace('{unit}', '')"
    units = (("K", "1000.0"), ("M", "1000000.0"), ("B", "1000000000.0"), ("T", "1000000000000.0"))
    factor = "".join(f"{upper}.contains('{unit}') ? {number} : " for unit, number in units) + "1.0"
    return f"double({digits}) * ({factor})"


_BOTH_SIZES = " && ".join(
    f"has(self.{end}) && self.{end} != '' && {matches(f'self.{end}', _SIZE)}" for end in ("min", "max")
)
SIZE_RANGE_RULES = (
    Rule(
        # A little more than the maximum is let pass: sizes are rounded to whole parameters, and these are floats.
        holds=f"!({_BOTH_SIZES}) || {_parameters('self.min')} <= {_parameters('self.max')} * 1.000000001 + 1.0",
        says=("min ", shown("self.min"), " is more than max ", shown("self.max")),
        accepted="min up to max; either may be absent",
        field=".min",
    ),
)

_WEIGHTS = "self.steps.filter(step, has(step.weight)).map(step, step.weight)"
_IS_CANARY = "has(self.strategy) && self.strategy == 'Canary'"
_ASCENDING = "weights that ascend to 100"
ROLLOUT_RULES = (
    Rule(
        holds=f"!has(self.steps) || self.steps.size() == 0 || {_IS_CANARY}",
        says=("are given for the strategy ", Cel("(has(self.strategy) ? self.strategy : 'RollingUpdate')")),
        accepted="steps with the strategy Canary",
        field=".steps",
    ),
    Rule(
        holds=f"!({_IS_CANARY}) || has(self.steps) && self.steps.size() > 0",
        says=("are missing",),
        accepted="steps whose weights ascend to 100",
        field=".steps",
        is_missing=True,
    ),
    Rule(
        holds=f"!has(self.steps) || {_WEIGHTS}.isSorted()"
        f" && {_WEIGHTS}.all(weight, {_WEIGHTS}.indexOf(weight) == {_WEIGHTS}.lastIndexOf(weight))",
        says=("the weights ", Cel(_WEIGHTS), " do not ascend"),
        accepted=_ASCENDING,
        field=".steps",
    ),
    Rule(
        holds=f"!has(self.steps) || self.steps.size() == 0 || {_WEIGHTS}.exists(weight, weight == 100)",
        says=("no step has the weight 100",),
        accepted=_ASCENDING,
        field=".steps",
    ),
)
STEP_RULES = (
    Rule(
        holds="has(self.weight) || has(self.pause) && self.pause != '' || has(self.benchmark)",
        says=("is an empty step",),
        accepted="at least one of weight, pause and benchmark",
    ),
)
PAUSE_RULES = (
    Rule(
        holds="self in ['', 'approval'] || "
        + matches("self", r"^(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$")
        + " && "
        + matches("self", "[1-9]"),
        says=(shown("self"), " is not a pause"),
        accepted='a duration such as "30m" or "1h30m", or "approval"',
    ),
)
GATE_SCENARIO_RULES = (
    Rule(
        holds=matches("self", "^([DNU][(]|dataset$)"),
        says=(shown("self"), " is no scenario of the task text-to-text"),
        accepted=", ".join(FORMS[kind] for kind in ("D", "N", "U", "dataset")),
    ),
)
