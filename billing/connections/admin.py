"""Connections in the back office: to look at; their secrets are never shown."""

from billing.connections.models import Connection
from billing.staff.roles import Ability
from billing.staff.screens import Screen, fact


class ConnectionScreen(Screen):
    """Accounts at payment providers or integrations. They are set up by `manage.py apply`."""

    reads = Ability.CONNECT
    list_display = ("name", "code", "type")
    search_fields = ("name", "code")
    ordering = ("type", "code")
    fields = ("type", "code", "name", "settings", "kept_secrets", "updated_at")

    @fact("Secrets")
    def kept_secrets(self, connection: Connection) -> str:
        """Return which secrets are kept, with the last four characters of each at most."""
        try:
            found = connection.secrets.last_four()
        except ValueError:
            return "kept, but no key of TARN_ENCRYPTION_KEYS opens them"
        return ", ".join(f"{name} (...{last})" if last else name for name, last in found.items())
