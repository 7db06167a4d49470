"""The integration: everything that this platform wrote for threadless, beside its settings and one URL line."""

from decimal import Decimal

from django.dispatch import receiver
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI

from tests.hosts.teams.crew.models import ChatModel, Cost, ProviderAccount, TeamKey
from threadless.contrib.rest_framework_api_key import APIKeyAdapter
from threadless.exceptions import NotAuthenticated
from threadless.resolvers import BaseResolver
from threadless.signals import call_settled
from threadless.types import Target


class TeamKeyAdapter(APIKeyAdapter):
    model = TeamKey

    def get_caller_fields(self, key, user):
        if not key.team.members.filter(pk=user.pk).exists():
            raise NotAuthenticated("You have left this team.")
        return super().get_caller_fields(key, user) | {"account": str(key.team_id)}


class TeamResolver(BaseResolver):
    def list(self, caller):
        for model in ChatModel.objects.filter(account__team=caller.account):
            yield Target(
                id=model.name,
                model=model.upstream,
                backend="chatbot" if model.is_chatbot else "default",
                price={"prompt": model.prompt_price, "completion": model.completion_price},
                data={"account": model.account_id},
            )


def chat_model(request, target, caller):
    account = ProviderAccount.objects.get(pk=target.data["account"], team=caller.account)
    access = {"base_url": account.address, "api_key": account.secret, "max_retries": 0}
    kinds = {"openai": ChatOpenAI, "anthropic": ChatAnthropic}
    return kinds[account.vendor](model=target.model, **access)


@receiver(call_settled)
def track_cost(sender, opening, outcome, **kwargs):
    if outcome.usage is not None and outcome.cost_nano is not None:
        Cost.objects.create(
            team_id=opening.caller.account,
            model=opening.target.id,
            tokens=outcome.usage.prompt_tokens + outcome.usage.completion_tokens,
            amount=Decimal(outcome.cost_nano).scaleb(-9),
        )
