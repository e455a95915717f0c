import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


class Zygote:
    """Runs functions of faults.py, each in a fresh process."""

    def __init__(self):
        here = Path(__file__).parent
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(here.parents[1]), str(here)])
        self.process = subprocess.Popen(
            [sys.executable, str(here / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def run(self, function, *, signal=None, after=0.0, **arguments):
        """Return (exit status, error text); the status is -9 for a child that was killed."""
        arguments = {k: str(v) if isinstance(v, Path) else v for k, v in arguments.items()}
        command = {"function": function, "arguments": arguments, "signal": signal, "after": after}
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["error"]


@pytest.fixture(scope="session")
def zygote():
    zygote = Zygote()
    yield zygote
    zygote.process.stdin.close()
    zygote.process.wait(timeout=30)
