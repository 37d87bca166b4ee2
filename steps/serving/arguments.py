"""A program's arguments, flag by flag: how a service's and an accelerator's arguments change a runtime's.

Pure. Called by `component`. `--name value`, `--name=value` and a bare `--name` are flags; `_` and `-` in a name mean
the same, since engines accept both; what stands before the first flag is positional.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steps.choice import Parallelism

_NUMBER = re.compile(r"-[0-9.]")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ash"})
_SIZE_FLAGS = {
    "tensor": ("--tensor-parallel-size", "--tp-size", "--tp"),
    "pipeline": ("--pipeline-parallel-size", "--pp-size", "--pp"),
    "data": ("--data-parallel-size", "--dp-size", "--dp"),
}
_ATTENTION_COPIES = re.compile(r"(?<!\S)--enable-dp-attention(?!\S)")


class Group(NamedTuple):
    """One flag with its values as they were written; `name` is "" for positional arguments."""

    name: str
    tokens: tuple[str, ...]


def merge_arguments(base: Sequence[str], change: Sequence[str]) -> tuple[str, ...]:
    """`base` with each flag of `change` put in place of the same flag, or appended.

    A flag given several times in `change` replaces every one of `base`. Positional arguments of `change` replace those
    of `base`.
    """
    groups, changes = list(_groups(base)), list(_groups(change))
    for name in dict.fromkeys(group.name for group in changes):
        new = [group for group in changes if group.name == name]
        places = [place for place, group in enumerate(groups) if group.name == name]
        at = places[0] if places else (0 if name == "" else len(groups))
        groups = [group for group in groups if group.name != name]
        groups[at:at] = new
    return tuple(token for group in groups for token in group.tokens)


def is_shell_script(command: Sequence[str]) -> bool:
    """Whether the program is a shell whose script comes as an argument (`bash -c`, `sh -lc --`)."""
    program = command[0].rpartition("/")[2] if command else ""
    return program in _SHELLS and any(re.fullmatch(r"-[a-z]*c", token) for token in command[1:])


def set_parallelism(words: Sequence[str], parallelism: Parallelism) -> tuple[tuple[str, ...], frozenset[str]]:
    """`words` with the sizes written over the flags that engines have for them, in a shell script's text too.

    With SGLang's `--enable-dp-attention`, `--dp` counts copies of attention within the tensor parallel group, not of
    the model: it is left as it is.

    Returns:
        The words, and which of "tensor", "pipeline" and "data" have a flag among them.
    """
    found = set()
    has_attention_copies = any(_ATTENTION_COPIES.search(word) for word in words)
    for kind, flags in _SIZE_FLAGS.items():
        if kind == "data" and has_attention_copies:
            continue
        words, is_there = set_flag(words, flags, str(getattr(parallelism, kind)))
        if is_there:
            found.add(kind)
    return tuple(words), frozenset(found)


def set_flag(words: Sequence[str], flags: Sequence[str], value: str) -> tuple[tuple[str, ...], bool]:
    """`words` with `value` written over that of every one of `flags`, in a shell script's text too.

    Returns:
        The words, and whether one of the flags is among them.
    """
    changed, is_there = list(words), False
    names = "|".join(re.escape(flag) for flag in flags)
    for place, word in enumerate(changed):
        if word in flags and place + 1 < len(changed):
            changed[place + 1] = value
            is_there = True
            continue
        new, count = re.subn(rf"(?<!\S)({names})(=|\s+)\S+", rf"\g<1>\g<2>{value}", word)
        if count:
            changed[place] = new
            is_there = True
    return tuple(changed), is_there


def _groups(arguments: Sequence[str]) -> Iterable[Group]:
    name = ""
    tokens: list[str] = []
    for index, word in enumerate(arguments):
        if word == "--":
            if tokens:
                yield Group(name, tuple(tokens))
            yield Group("--", tuple(arguments[index:]))
            return
        if word.startswith("-") and len(word) > 1 and not _NUMBER.match(word):
            if tokens:
                yield Group(name, tuple(tokens))
            name, tokens = word.partition("=")[0].replace("_", "-"), []
        tokens.append(word)
    if tokens:
        yield Group(name, tuple(tokens))
