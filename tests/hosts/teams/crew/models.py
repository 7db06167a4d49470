"""Teams, their accounts at providers, their models, their keys and their costs."""

from django.conf import settings
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey


class Team(models.Model):
    name = models.CharField(max_length=50)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL)

    def __str__(self) -> str:
        return str(self.name)


class ProviderAccount(models.Model):
    """The account of one team at one provider."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="accounts")
    vendor = models.CharField(max_length=20)
    address = models.URLField()
    secret = models.CharField(max_length=100)

    def __str__(self) -> str:
        return str(self.vendor)


class ChatModel(models.Model):
    """A model that a team has set up, with the price of a million tokens."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE)
    name = models.CharField(max_length=50)
    upstream = models.CharField(max_length=50)
    prompt_price = models.DecimalField(max_digits=9, decimal_places=4)
    completion_price = models.DecimalField(max_digits=9, decimal_places=4)
    is_chatbot = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.name)


class TeamKey(AbstractAPIKey):
    """A key of a member for one team, on the base class of another package."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)


class Cost(models.Model):
    """What the platform bills: its own table, which was there before."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    model = models.CharField(max_length=50)
    tokens = models.IntegerField()
    amount = models.DecimalField(max_digits=20, decimal_places=9)

    def __str__(self) -> str:
        return str(self.model)
