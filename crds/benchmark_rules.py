"""Rules of benchmarks: genai-bench's grammar of scenarios, cron schedules, and what a job can be asked for."""

from crds.autoscaling import NUMBER
from crds.cel import Cel, Rule, matches, shown, text
from crds.cron import ACCEPTED, DAYS, DESCRIPTORS, MONTHS
from crds.scenario import FORMS, TASKS

_N = r"\d{1,9}"
_RANGE = rf"U\({_N},{_N}\)/\({_N},{_N}\)"
_SCENARIO = "|".join(
    (
        rf"[DRU]\({_N},{_N}\)",
        _RANGE,
        rf"N\({_N},{_N}\)/\({_N},{_N}\)",
        rf"[EA]\({_N}\)",
        rf"I\({_N},{_N}(,{_N})?\)",
        "dataset",
    )
)
_IS_RANGE = matches("self", f"^{_RANGE}$")
_BRACKETS = "self.substring(2, self.size() - 1).split(')/(')"
_LOW, _HIGH = "int(range.split(',')[0])", "int(range.split(',')[1])"
_HAS_ZERO = f"(self.startsWith('N') ? {matches('self', '[(]0+,')} : !{_IS_RANGE} && {matches('self', '[(,]0+[,)]')})"

SCENARIO_RULES = (
    Rule(
        holds=matches("self", f"^({_SCENARIO})$"),
        says=(shown("self"), " is not a traffic scenario"),
        accepted=", ".join(FORMS.values()),
    ),
    Rule(
        holds=f"!{_HAS_ZERO}",
        says=(shown("self"), " has a 0 where at least 1 is needed"),
        accepted=", ".join(FORMS.values()),
    ),
    Rule(
        holds=f"!{_IS_RANGE} || {_BRACKETS}.all(range, {_LOW} <= {_HIGH} && {_HIGH} > 0)",
        says=(shown("self"), " has a minimum above its maximum, or a maximum of 0"),
        accepted=FORMS["U"],
    ),
)
"""Of one scenario, whatever the task is."""


def _by_task(of_task: dict[str, str]) -> str:
    return "{" + ", ".join(f"{text(task)}: {value}" for task, value in of_task.items()) + "}[self.task]"


_KINDS = _by_task({task: "[" + ", ".join(map(text, kinds)) + "]" for task, kinds in TASKS.items()})
_ACCEPTED_BY_TASK = _by_task({task: text(", ".join(FORMS[kind] for kind in kinds)) for task, kinds in TASKS.items()})
_ODD = f"self.trafficScenarios.filter(scenario, !(scenario.split('(')[0] in {_KINDS}))"

_OUTPUT = ("oci", "s3", "gs", "az", "pvc", "local", "github")
OUTPUT_RULES = (
    Rule(
        holds=f"!has(self.storageUri) || !{matches('self.storageUri', '^(hf|vendor|x-[^:]*)://')}",
        says=(shown("self.storageUri"), " cannot keep results"),
        accepted=", ".join(f"{scheme}://" for scheme in _OUTPUT),
        field=".storageUri",
    ),
)

_TEMPERATURE = "self.additionalRequestParams['temperature']"
_IGNORE_EOS = "self.additionalRequestParams['ignore_eos']"


def _has_parameter(name: str) -> str:
    return f"has(self.additionalRequestParams) && '{name}' in self.additionalRequestParams"


JOB_RULES = (
    Rule(
        holds=f"!has(self.trafficScenarios) || {_ODD}.size() == 0",
        says=(shown(f"{_ODD}[0]"), " is no scenario of the task ", Cel("self.task")),
        accepted=Cel(_ACCEPTED_BY_TASK),
        field=".trafficScenarios",
    ),
    Rule(
        holds="!has(self.resultFolderName) || !self.resultFolderName.contains('/')"
        " && !(self.resultFolderName in ['.', '..'])",
        says=(shown("self.resultFolderName"), " is not a folder's name"),
        accepted="a name without slashes",
        field=".resultFolderName",
    ),
    Rule(
        holds=f"!({_has_parameter('temperature')})"
        f" || {matches(_TEMPERATURE, f'^{NUMBER}$')} && double({_TEMPERATURE}) >= 0.0",
        says=("temperature ", shown(_TEMPERATURE), " is not a temperature"),
        accepted='a number from 0, as text: "0.7"',
        field=".additionalRequestParams",
    ),
    Rule(
        holds=f"!({_has_parameter('ignore_eos')}) || {_IGNORE_EOS} in ['true', 'false']",
        says=("ignore_eos ", shown(_IGNORE_EOS), " is neither true nor false"),
        accepted='"true" or "false", as text',
        field=".additionalRequestParams",
    ),
    Rule(
        holds="!has(self.timeZone) || self.timeZone == '' || has(self.schedule) && self.schedule != ''",
        says=(shown("self.timeZone"), " is given without a schedule"),
        accepted="timeZone beside schedule",
        field=".timeZone",
    ),
)


def _field_of_schedule(number: str, names: tuple[str, ...] = ()) -> str:
    words = "|".join((f"0*({number})", *names))
    part = rf"([*?]|({words})(-({words}))?)(/0*[1-9]\d*)?"
    return f"{part}(,{part})*"


_FIVE_FIELDS = r"\s+".join(
    (
        _field_of_schedule("[1-5]?[0-9]"),
        _field_of_schedule("1?[0-9]|2[0-3]"),
        _field_of_schedule("[1-9]|[12][0-9]|3[01]"),
        _field_of_schedule("[1-9]|1[0-2]", MONTHS),
        _field_of_schedule("[0-6]", DAYS),
    )
)
_CRON = rf"^((?i:\s*{_FIVE_FIELDS}\s*)|{'|'.join(DESCRIPTORS)})$"
_EVERY = r"@every (\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?"

SCHEDULE_RULES = (
    Rule(
        holds="self == '' || (self.startsWith('@every ')"
        f" ? {matches('self', f'^{_EVERY}$')} && {matches('self', '[1-9]')}"
        f" : {matches('self', _CRON)})",
        says=(shown("self"), " is not a schedule"),
        accepted=ACCEPTED,
    ),
)

TIME_ZONE_RULES = (
    Rule(
        holds="self == '' || " + matches("self", r"^[A-Za-z][\w+-]*(/[A-Za-z][\w+-]*){0,2}$"),
        says=(shown("self"), " is not a time zone"),
        accepted="a name of the IANA time zone database, such as Europe/Berlin or UTC",
    ),
)

ENDPOINT_RULES = (
    Rule(
        holds="has(self.inferenceService) || has(self.endpoint)",
        says=("has no endpoint",),
        accepted="exactly one of inferenceService and endpoint",
        is_missing=True,
    ),
    Rule(
        holds="!has(self.inferenceService) || !has(self.endpoint)",
        says=("inferenceService and endpoint are both given",),
        accepted="exactly one of inferenceService and endpoint",
    ),
)

BASELINE_RULES = (
    Rule(
        holds="!has(self.run) || self.run == '' || !has(self.results) || self.results.size() == 0",
        says=("run and results are both given",),
        accepted="one of run and results, or neither",
    ),
)
