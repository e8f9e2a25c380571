"""Programs under measurement: started, waited for, their CPU and memory read, ended."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

LOGS = Path(__file__).parent / ".data" / "logs"


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


def tree_cpu(pid: int) -> float:
    """Return the CPU seconds of a process and all below it, the ended ones included."""
    total = 0.0
    for process in _tree(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def tree_memory(pid: int) -> float:
    """Return the megabytes of a process and all below it, shared pages counted once."""
    total = 0
    for process in _tree(pid):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1_000_000


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


class Server:
    """A program that listens on a port of this machine."""

    def __init__(
        self, name: str, command: Sequence[str], port: int, environment: dict[str, str], where: Path
    ) -> None:
        self.port = port
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                list(command),
                cwd=where,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self, patience: float = 60.0) -> None:
        """Return once it answers, whatever it answers."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                caller.request("GET", "/api/v1/customers")
                caller.getresponse().read()
            except OSError:
                time.sleep(0.1)
            else:
                return
            finally:
                caller.close()
        raise SystemExit(f"{self.log} says why this does not answer:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        """End it and everything it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()
