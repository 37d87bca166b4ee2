"""`docs/accounts.md`: what each service account of an installation may do, from the rules that are installed. Pure."""

from collections.abc import Iterable, Iterator

from pipelines.install.accounts import ACCOUNTS, Account, Rule
from pipelines.install.options import NAMESPACE
from pipelines.reference.markdown import code, paragraph, table

_HEAD = f"""\
<!-- Written by `python -m pipelines.reference` from pipelines/install/accounts.py; changes belong there. -->

# Accounts and their rights

All are service accounts of the namespace `{NAMESPACE}`: one for the controller, and one for each kind of step, so that
a pod that reads the internet cannot deploy, and one that deploys cannot write to nodes. "Everywhere" is a ClusterRole,
`{NAMESPACE}` a Role of that namespace."""


def accounts_page(accounts: Iterable[Account] = ACCOUNTS) -> str:
    """The page."""
    return "\n\n".join([_HEAD, *(_section(each) for each in accounts)]) + "\n"


def _section(account: Account) -> str:
    rows = [*_rows("everywhere", account.cluster), *_rows(code(NAMESPACE), account.system)]
    return "\n\n".join(
        [f"## {account.name}", paragraph(account.why), table(("where", "group", "resources", "verbs"), rows)]
    )


def _rows(where: str, rules: Iterable[Rule]) -> Iterator[tuple[str, str, str, str]]:
    for rule in rules:
        yield where, rule.group or "core", ", ".join(rule.resources), ", ".join(rule.verbs)
