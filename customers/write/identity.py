"""Customers from another system keep what programs and invoices know them by, if it is free here.

A lago_id that is taken is replaced by a new one; a number that is taken is a problem, since it
stands on documents.
"""

from customers.write.case import Case


def decide_identity(case: Case) -> None:
    """Decide what a newcomer keeps; who is here already has its own."""
    identity = case.sent["identity"]
    if case.stored is not None:
        return
    if identity["sequential_id"] in case.looked.taken_numbers:
        case.problems.add("sequential_id", "number_is_taken")
    kept = ("sequential_id", "slug", "created_at")
    case.identity = {name: identity[name] for name in kept}
    if (free := free_id(case, identity["id"])) is not None:
        case.identity["id"] = free


def free_id(case: Case, wanted: str | None) -> str | None:
    """Return the id that a row brings along, if rows keep theirs and nobody here has it."""
    if wanted is None or "identity" not in case.sent or wanted in case.looked.taken:
        return None
    return wanted
