import os
import sys
import threading
import time
from pathlib import Path

from config.supervisor import PATIENCE, Child, Supervisor

LONG = [sys.executable, "-c", "import time; time.sleep(60)"]
SHORT = [sys.executable, "-c", "raise SystemExit(3)"]


def supervise(*children: Child) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    supervisor = Supervisor(list(children), said.append)
    supervisor.start()
    return supervisor, said


class TestSupervisor:
    def test_ends_everything_when_an_essential_child_dies(self):
        other = Child("other", LONG, essential=False)
        supervisor, said = supervise(Child("web server", SHORT, essential=True), other)

        code = supervisor.wait()
        supervisor.stop()

        assert code == 1
        assert said == ["The web server ended by itself (exit code 3); stopping everything."]
        assert other.died()

    def test_starts_another_child_again_and_ever_more_slowly(self):
        worker = Child("worker", SHORT, essential=False, pause=0.1)
        supervisor, said = supervise(worker)
        threading.Timer(2.0, supervisor._ending.set).start()

        code = supervisor.wait()
        supervisor.stop()

        assert code == 0
        assert said
        assert worker.pause >= 0.2

    def test_lets_the_others_go_before_a_nice_child(self):
        """Red without the niceness, and without the session's own where Linux counts by it."""
        worker = Child("worker", LONG, essential=False, niceness=7)
        supervisor, _ = supervise(worker)
        assert worker.process is not None
        pid = worker.process.pid
        of_session = Path(f"/proc/{pid}/autogroup")

        assert os.getpriority(os.PRIO_PROCESS, pid) == 7
        if of_session.exists():
            assert of_session.read_text().split()[-1] == "7"
        supervisor.stop()

    def test_kills_a_child_that_will_not_end_when_asked_twice(self):
        """Red when the second wish waits as patiently as the first."""
        deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
        child = Child("deaf", [sys.executable, "-c", deaf], essential=True)
        supervisor, _ = supervise(child)
        time.sleep(0.5)
        supervisor._end(15, None)
        supervisor._end(15, None)
        began = time.monotonic()

        supervisor.stop()

        assert child.died()
        assert time.monotonic() - began < PATIENCE / 2
