"""The processes that `serve` runs beside itself, from their start to a clean end."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE = 30.0  # seconds a process has to end by itself; gunicorn takes up to 20
LONGEST_PAUSE = 30.0  # seconds between two tries to start a process that keeps dying


@dataclass
class Child:
    """A program to keep running.

    :param essential: if it dies, everything ends; else it is started again, ever more slowly.
    :param niceness: how far it lets others go first where the processor is scarce, 0 to 19.
    """

    name: str
    command: Sequence[str]
    essential: bool
    niceness: int = 0
    descriptors: Sequence[int] = ()
    directory: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None
    pause: float = 1.0
    start_at: float = 0.0

    def start(self) -> None:
        """Start the program; it is told to end should we die without a word."""
        self.start_at = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command),
            cwd=self.directory,
            pass_fds=self.descriptors,
            # Ctrl-C reaches a whole process group; ours ends its children in order instead.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        if self.niceness:
            _let_others_first(self.process.pid, self.niceness)

    def died(self) -> bool:
        """Say whether it was started and runs no more."""
        return self.process is not None and self.process.poll() is not None


def _let_others_first(pid: int, niceness: int) -> None:
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
    # Linux may share the processor among sessions first, and each child has one of its own.
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


@dataclass
class Supervisor:
    """Runs children until one that is essential dies or a signal asks for the end.

    The web server is essential: it restarts its own workers, so when it is gone something is
    wrong that a restart by whoever started us (and reads our exit code) should settle. A worker
    that dies takes no API down; it is started again.
    """

    children: list[Child]
    say: Callable[[str], None]
    check: Callable[[], None] = lambda: None
    _ending: threading.Event = field(default_factory=threading.Event)
    _killing: bool = False

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as the wish to end; a second one ends without patience."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: object) -> None:
        self._killing = self._ending.is_set()
        self._ending.set()

    @property
    def ending(self) -> bool:
        """Say whether the end was asked for."""
        return self._ending.is_set()

    def start(self) -> None:
        """Start every child."""
        for child in self.children:
            child.start()

    def wait(self) -> int:
        """Return the exit code once everything should end: 0 when asked to, 1 otherwise."""
        while not self._ending.wait(0.5):
            self.check()
            for child in self.children:
                if not child.died():
                    continue
                if child.essential:
                    self.say(f"The {child.name} ended by itself{_how(child)}; stopping everything.")
                    return 1
                self._restart(child)
        self.say("Stopping ...")
        return 0

    def stop(self) -> None:
        """End every child: politely, then, when patience runs out, by force."""
        running = [child.process for child in self.children if child.process and not child.died()]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in running:
            while process.poll() is None:
                if self._killing or time.monotonic() > deadline:
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(0.05)

    def _restart(self, child: Child) -> None:
        now = time.monotonic()
        if now < child.start_at + child.pause:
            return
        lived_long = now > child.start_at + 10 * LONGEST_PAUSE
        child.pause = 1.0 if lived_long else min(child.pause * 2, LONGEST_PAUSE)
        self.say(f"The {child.name} ended{_how(child)}; starting it again.")
        child.start()


def _how(child: Child) -> str:
    return f" (exit code {child.process.returncode})" if child.process else ""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
