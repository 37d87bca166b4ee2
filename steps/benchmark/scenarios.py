"""What a traffic scenario asks of an endpoint: the most tokens a request sends and gets back.

Called by `steps.benchmark.plan`. The grammar itself is the API's (`crds.scenario`).
"""

from crds.problems import FieldError
from crds.scenario import checked_task, parse_scenario
from steps.benchmark.defaults import DEFAULTS
from steps.errors import InvalidInputError, UnsupportedError
from steps.frozen import Frozen


class Demand(Frozen):
    """What one scenario asks for.

    Attributes:
        scenario: As it was given, which is also how genai-bench takes it.
        input_tokens: The most a request sends; for N two deviations over the mean.
        output_tokens: The most an answer has; 0 for tasks without output tokens.
    """

    scenario: str
    input_tokens: int
    output_tokens: int = 0


def check_task(task: str) -> None:
    """Accept a supported task.

    Raises:
        InvalidInputError: for a word that is no task.
        UnsupportedError: for tasks that this version does not measure.
    """
    try:
        checked_task(task)
    except FieldError as error:
        raise InvalidInputError(f"task: {error}", remedy=f"Accepted: {', '.join(DEFAULTS)}.") from None
    if task not in DEFAULTS:
        raise UnsupportedError(f'task: "{task}" is not supported yet', remedy=f"Supported: {', '.join(DEFAULTS)}.")


def demand_of(text: str, task: str) -> Demand:
    """Check one scenario of a task.

    Raises:
        InvalidInputError: names the field, the value and the accepted forms.
        UnsupportedError: for scenarios that need a dataset.
    """
    try:
        scenario = parse_scenario(text, task)
    except FieldError as error:
        raise InvalidInputError(f"scenarios: {error}") from None
    kind, first, second = scenario.kind, scenario.numbers, scenario.output
    if kind == "dataset":
        raise UnsupportedError('scenarios: "dataset" is not supported yet', remedy="Use a scenario with numbers.")
    if kind == "N":
        sent, answered = first[0] + 2 * first[1], second[0] + 2 * second[1]
    elif kind == "U" and second:
        sent, answered = first[1], second[1]
    elif kind in "DU":
        sent, answered = first
    else:
        return Demand(scenario=text, input_tokens=sum(first))
    if answered < 2:
        raise InvalidInputError(
            f'scenarios: "{text}" asks for {answered} output token',
            remedy="Use at least 2: the time per output token needs two.",
        )
    return Demand(scenario=text, input_tokens=sent, output_tokens=answered)
