"""`manage.py threadless_budget`: set, raise, list and delete budgets."""

from __future__ import annotations

from argparse import ArgumentParser
from types import EllipsisType
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from threadless.budgets import api
from threadless.budgets.amounts import amount_text, parse_amount
from threadless.budgets.models import Action, Budget, Period, Unit

_COLUMNS: Final = "subject unit period limit spent reserved remaining refused action resets_at"

_NONE: Final = "none"


class Command(BaseCommand):
    """Every change is recorded, without a user."""

    help = "Set, raise, list or delete the budgets of keys, users, accounts and the platform."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "verb",
            choices=("set", "add", "list", "delete"),
            help="Set the limit, add to the limit, list budgets, or delete a budget. What is spent stays.",
        )
        subject = parser.add_mutually_exclusive_group()
        subject.add_argument("--key", metavar="ID", help="The primary key of an API key.")
        subject.add_argument("--user", metavar="NAME", help="The login name of a user.")
        subject.add_argument("--account", metavar="NAME", help="An account, as usage records have it.")
        subject.add_argument("--platform", action="store_true", help="All calls.")
        parser.add_argument("--unit", choices=Unit.values, help="What is limited.")
        parser.add_argument("--period", choices=Period.values, help="When the budget starts again. A total never does.")
        parser.add_argument("--limit", metavar="N", help="Tokens, calls, or an amount of the currency, such as 12.50.")
        parser.add_argument("--action", choices=Action.values, help="Refuse calls (the default), or only notify.")
        parser.add_argument(
            "--next",
            choices=(*Period.values, _NONE),
            help="The period of the same subject's budget that is charged next, or none.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run(options)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except Budget.DoesNotExist as error:
            raise CommandError(str(error)) from error

    def _run(self, options: dict[str, Any]) -> None:
        subject = _subject(options)
        if options["verb"] == "list":
            self._list(subject)
            return
        missing = [name for name in ("unit", "period") if options[name] is None]
        if subject is None:
            missing.insert(0, "key, --user, --account or --platform")
        if options["verb"] != "delete" and options["limit"] is None:
            missing.append("limit")
        if subject is None or missing:
            raise CommandError(f"Missing: {', '.join(f'--{name}' for name in missing)}.")
        _change(subject, options)
        self._list(subject)

    def _list(self, subject: api.Subject | None) -> None:
        self.stdout.write(_COLUMNS.replace(" ", "\t"))
        for state in api.list_budgets(subject):
            amounts = (state.limit, state.spent, state.reserved, state.remaining)
            shown = [amount_text(state.unit, amount) for amount in amounts]
            resets_at = state.resets_at.isoformat() if state.resets_at else "never"
            name = " ".join(filter(None, state.subject))
            self.stdout.write(
                "\t".join((name, state.unit, state.period, *shown, str(state.refused), state.action, resets_at))
            )


def _change(subject: api.Subject, options: dict[str, Any]) -> None:
    unit, period = options["unit"], options["period"]
    if options["verb"] == "delete":
        api.delete_budget(subject, unit, period)
        return
    try:
        limit = parse_amount(unit, options["limit"])
    except ValueError:
        raise CommandError(f"Invalid limit {options['limit']!r}.") from None
    if options["verb"] == "add":
        api.add_to_budget(subject, unit, period, limit)
        return
    api.set_budget(subject, unit, period, limit, action=options["action"], next=_next(subject, options))


def _next(subject: api.Subject, options: dict[str, Any]) -> Budget | EllipsisType | None:
    """The budget that `--next` names; `...` without it, which keeps the present one."""
    if not options["next"]:
        return ...
    return None if options["next"] == _NONE else api.find_budget(subject, options["unit"], options["next"])


def _subject(options: dict[str, Any]) -> api.Subject | None:
    if options["platform"]:
        return api.PLATFORM
    if options["key"]:
        return api.key(options["key"])
    if options["account"]:
        return api.account(options["account"])
    return api.user(_user_id(options["user"])) if options["user"] else None


def _user_id(name: str) -> Any:
    user_model: Any = get_user_model()
    try:
        return user_model._default_manager.get_by_natural_key(name).pk
    except user_model.DoesNotExist:
        raise CommandError(f"User {name!r} does not exist.") from None
