"""Runs one import in a process of its own, to be killed: `python -m ... ID [twin]`."""

import os
import sys
import time
from urllib.parse import quote


def database_url() -> str:
    """Return the address of the database that this test runs on, for another process."""
    from django.db import connection

    place = connection.settings_dict
    host = quote(str(place["HOST"]), safe="")
    account = quote(str(place["USER"])) + (
        f":{quote(str(place['PASSWORD']))}" if place["PASSWORD"] else ""
    )
    port = f"&port={place['PORT']}" if place["PORT"] else ""
    return f"postgresql://{account}@/{place['NAME']}?host={host}{port}"


def main(import_id: str, *, twin: bool) -> None:
    """Go on with the import; say when it begins."""
    import django

    django.setup()
    from billing.errors import NotAllowed
    from customers.imports import run
    from customers.imports import runner as runs
    from customers.intakes import Import

    # Many small batches: a kill falls into the middle of one.
    runs.SIZES = (20, 40)
    if twin:
        runs.Runner._write_decided = _write_apart  # type: ignore[method-assign]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            run.run_import(Import.objects.get(pk=import_id))
            return
        except NotAllowed:
            # The server has not noticed yet that the last one is dead.
            time.sleep(0.01)
    raise SystemExit("the lock was never free")


def _write_apart(runner, page, decided, lane):
    """Move the checkpoint in a transaction of its own, as no importer should."""
    from customers.imports import runner as runs

    counts = runner._count(page, *runner._judge.sort(page.judged, decided.found))
    values = decided.values | runner._step(page, counts, "")
    lane.send([runs._HOLD, runs._MOVE], values)
    _, [moved] = lane.rows()
    time.sleep(0.03)  # most kills fall into here
    if decided.statements:
        lane.send(decided.statements, values)
        lane.rows()
    runner._note(page, counts)
    return moved


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main(sys.argv[1], twin="twin" in sys.argv[2:])
