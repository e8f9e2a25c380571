#!/usr/bin/env python3
"""Run Tarn's commands: `manage.py help` lists them."""

import os
import sys


def main() -> None:
    """Hand the command line to Django, with a database to work on."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.start import run

    run(sys.argv)


if __name__ == "__main__":
    main()
