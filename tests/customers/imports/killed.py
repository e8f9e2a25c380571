"""Runs imports in processes of their own, to be killed: `python -m ...`, told by its input.

To start Python and Django anew for every kill takes longer than what is to be killed, so that one
process that has done so is doubled instead. It says `ready`; `run ID [twin]` answers the new
process' number, `wait NUMBER` how it ended.
"""

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


def main() -> None:
    """Do what is asked until nobody asks any more."""
    import django

    django.setup()
    from customers.imports import run  # noqa: F401  # loaded once for all

    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        verb, *words = line.split()
        answer = double(words[0], words[1:]) if verb == "run" else ending(int(words[0]))
        print(answer, flush=True)  # noqa: T201


def double(import_id: str, words: list[str]) -> int:
    """Go on with the import in a process of its own and return its number."""
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        go_on(import_id, twin="twin" in words, small="whole" not in words)
        code = 0
    finally:
        os._exit(code)


def ending(number: int) -> int:
    """Wait for a process and return its exit code, below zero if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def go_on(import_id: str, *, twin: bool, small: bool) -> None:
    """Go on with the import, as soon as the last process is known to be dead."""
    from billing.errors import NotAllowed
    from customers.imports import run
    from customers.imports import runner as runs
    from customers.intakes import Import

    if small:
        # Many batches: a kill falls into the middle of one.
        runs.SIZES = (20, 40)
    if twin:
        runs.Runner._write_decided = _write_apart  # type: ignore[method-assign]
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
    main()
