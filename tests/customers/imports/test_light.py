"""Commands for many rows do without what only screens and calls of others need."""

import os
import subprocess
import sys

from tests.contract.server import ROOT

SCRIPT = """
import os
import sys
from django.core.management import execute_from_command_line
from django.db import OperationalError
for command in (
    ["import_customers", "none.csv", "--organization", "none"],
    ["export_customers", "--organization", "none"],
):
    # As from a shell, so that checks run where a command asks for them. There is no such file,
    # and no database to ask for the organization.
    try:
        execute_from_command_line(["manage.py", *command])
    except (SystemExit, OperationalError) as end:
        print(type(end).__name__, file=sys.stderr)
loaded = set(sys.modules)
assert {"customers.imports.run", "customers.outgoing"} <= loaded
screens = {name for name in loaded if name.startswith(("customers.admin", "billing.admin"))}
assert os.getpriority(os.PRIO_PROCESS, 0) >= 5, "nobody stepped back"
print(sorted(screens | loaded & {"cryptography", "requests", "stripe", "xlsxwriter", "openpyxl"}))
"""


class TestCommands:
    def test_load_no_screens_and_no_clients(self):
        """And leave the processor to those whom somebody waits for.

        Seen to fail with the checks of Django, and with a client loaded by an application.
        Checks load every screen by the addresses; it is those that take a command over 100 MB.
        """
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )  # fmt: skip

        assert done.stdout.strip() == "[]"
