"""Delivers with short pauses in a process of its own, to be killed: `python -m ...`."""

import asyncio
import sys
from datetime import timedelta

import django


def main() -> None:
    """Deliver until nothing is due."""
    django.setup()

    from billing.webhooks import retries
    from billing.webhooks.courier import Courier

    retries._DELAYS = tuple(timedelta(milliseconds=50) for _ in retries._DELAYS)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    asyncio.run(Courier().run())


if __name__ == "__main__":
    main()
