"""How often something happened, counted across all processes, for whoever watches the server."""

from django.db import models

from billing.statements import run

_ADD = """
INSERT INTO billing_tally (name, kind, outcome, number) VALUES (%s, %s, %s, %s)
ON CONFLICT (name, kind, outcome) DO UPDATE SET number = billing_tally.number + excluded.number
"""


class Tally(models.Model):
    """A count that only grows; `kind` says of what, such as the type of a connection."""

    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=32)
    outcome = models.CharField(max_length=32)
    number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "kind", "outcome"], name="tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.kind} {self.outcome}: {self.number}"


def count(name: str, kind: str, outcome: str, number: int = 1) -> None:
    """Count something that happened; call it outside of transactions, for it locks a hot row."""
    if number:
        run(_ADD, (name, kind, outcome, number))
