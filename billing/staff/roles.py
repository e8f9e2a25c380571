"""What people of the back office may do, by their role in an organization: the one table of it."""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from billing.organizations.models import Membership

Role = Membership.Role


class Ability(TextChoices):
    """One thing that a role allows or not; every screen and action asks for one of these."""

    READ = "read", _("See customers, taxes, billing entities and sections")
    HISTORY = "history", _("See who changed what, and when")
    EXPORT = "export", _("Export lists and the history to files")
    EDIT_CUSTOMERS = "edit_customers", _("Add and edit customers")
    BULK_EDIT = "bulk_edit", _("Edit many customers at once")
    DELETE_CUSTOMERS = "delete_customers", _("Delete customers")
    RESTORE = "restore", _("Restore deleted customers")
    REVERT = "revert", _("Take changes back")
    JUDGE_PROPOSALS = "judge_proposals", _("Accept or refuse what customers propose")
    SYNC = "sync", _("Compare customers with providers, and send them there again")
    SHARE_VIEWS = "share_views", _("Share saved views with colleagues")
    IMPORT = "import", _("Import files")
    SET_TAXES = "set_taxes", _("Change taxes")
    SET_ENTITIES = "set_entities", _("Change billing entities")
    SET_SECTIONS = "set_sections", _("Change invoice sections")
    CONNECT = "connect", _("Connect payment providers and integrations")
    SET_KEYS = "set_keys", _("Make, rotate and revoke API keys")
    SET_WEBHOOKS = "set_webhooks", _("Change webhook endpoints")
    SET_STAFF = "set_staff", _("Invite staff and change their roles")


_READER = frozenset({Ability.READ, Ability.HISTORY})
_AUDITOR = _READER | {Ability.EXPORT}
_CLERK = _AUDITOR | {
    Ability.EDIT_CUSTOMERS,
    Ability.BULK_EDIT,
    Ability.RESTORE,
    Ability.REVERT,
    Ability.JUDGE_PROPOSALS,
    Ability.SYNC,
}
_SETTINGS = frozenset(
    {
        Ability.IMPORT,
        Ability.SET_TAXES,
        Ability.SET_ENTITIES,
        Ability.SET_SECTIONS,
        Ability.SET_STAFF,
    }
)

# The only truth about who may what; docs/roles.md is made from it. A superuser may everything.
ABILITIES: Mapping[Membership.Role, frozenset[Ability]] = {
    Role.VIEWER: _READER,
    Role.AUDITOR: _AUDITOR,
    Role.FINANCE: _CLERK,
    Role.FINANCE_LEAD: _CLERK | _SETTINGS | {Ability.DELETE_CUSTOMERS, Ability.SHARE_VIEWS},
    Role.OPERATOR: _AUDITOR
    | _SETTINGS
    | {Ability.SYNC, Ability.CONNECT, Ability.SET_KEYS, Ability.SET_WEBHOOKS},
}


def may_give(giver: Membership.Role | None, role: Membership.Role) -> bool:
    """Return whether somebody may make others this, or something else if they are this.

    Nobody hands out more than they have. None stands for a superuser.
    """
    return giver is None or ABILITIES[role] <= ABILITIES[giver]


_HEAD = """# Roles

Who may do what, by the role a person has in an organization. Made by `make roles` from
`billing/staff/roles.py`, which is what the back office asks. A superuser may do everything in every
organization.

"""
_GIVING = """
## Who gives which role

Whoever may invite staff gives the roles whose abilities they have all themselves, and changes or
removes the people who have such a role. Nobody changes or removes themselves. The rest is for a
superuser, or for whoever runs `manage.py apply`.

"""


def as_document() -> str:
    """Return the tables as docs/roles.md shows them."""
    titles = [str(role.label) for role in ABILITIES]
    lines = [["", *titles], ["---"] * (len(titles) + 1)]
    for ability in Ability:
        marks = ["yes" if ability in found else "" for found in ABILITIES.values()]
        lines.append([str(ability.label), *marks])
    giving = [["", "Gives"], ["---", "---"]]
    for giver, abilities in ABILITIES.items():
        if Ability.SET_STAFF in abilities:
            given = [str(role.label) for role in ABILITIES if may_give(giver, role)]
            giving.append([str(giver.label), ", ".join(given)])
    return _HEAD + _as_table(lines) + _GIVING + _as_table(giving)


def _as_table(lines: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
