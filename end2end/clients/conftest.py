"""The real program for the clients' tests.

ROUNDTRIP_URL names one that runs already; else ROUNDTRIP_BIN, or the release build in cargo's target folder, is started
on a free port with a data folder of its own. What needs other deadlines than the usual ones always has its own.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: How long the program may take to end after SIGTERM, in seconds: it promises ten.
STOP_S = 12


@pytest.fixture(scope="session")
def origin(tmp_path_factory):
    """`http://127.0.0.1:PORT` of the program."""
    given = os.environ.get("ROUNDTRIP_URL")
    if given:
        yield given.rstrip("/")
        return
    with program(tmp_path_factory.mktemp("data")) as origin:
        yield origin


@pytest.fixture
def start(tmp_path):
    """Starts another one with these flags: `start("--head=1s")` is its address."""
    with contextlib.ExitStack() as running:
        yield lambda *flags: running.enter_context(program(tmp_path, *flags))


@contextlib.contextmanager
def program(data, *flags):
    """Starts the program with these flags, and stops it."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = os.environ.get("ROUNDTRIP_BIN") or target / "release" / "roundtrip"
    env = {name: value for name, value in os.environ.items() if not name.startswith("ROUNDTRIP_")}
    with subprocess.Popen(
        [path, "--listen", "127.0.0.1:0", "--data-dir", data, *flags],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as running:
        try:
            for line in running.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    break
            else:
                pytest.fail("the program ended without saying where it listens")
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(STOP_S)
            except subprocess.TimeoutExpired:
                running.kill()
                raise
