"""Debian's slowhttptest: slow clients stop nobody else, and the deadlines let them go."""

import subprocess
import time

import httpx
import pytest

SLOW = 200
#: What a slow client is granted, in seconds.
DEADLINE_S = 3
#: What others wait for an answer at most, in seconds: less, so that they cannot have waited for the slow ones to go.
ANSWER_S = 2
ATTACKS = {
    "heads that never end": ["-H", "-i", "1", "-u", "/healthz"],
    "bodies that pause": ["-B", "-i", "5", "-u", "/api/echo"],
    "answers that nobody reads": ["-X", "-n", "5", "-z", "1", "-u", "/api/echo?bytes=4000000"],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_slow_clients_stop_nobody_else(start, attack):
    limits = ["first-byte", "head", "body-pause", "keep-alive", "write-stall"]
    origin = start(*[f"--{limit}={DEADLINE_S}s" for limit in limits])
    *mode, target = ATTACKS[attack]
    command = ["slowhttptest", "-c", SLOW, "-r", SLOW, "-l", 6 * DEADLINE_S, *mode, origin + target]
    peak, gone = 0, False
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as attacker:
        while not gone and attacker.poll() is None:
            # Each on a connection of its own: it has to get in beside the slow ones.
            for path in ["/healthz", "/api/echo"]:
                assert httpx.get(origin + path, timeout=ANSWER_S).status_code == 200
            count = open_connections(origin)
            peak = max(peak, count)
            # An attacker that does not read does not notice that nobody is there any more.
            gone = peak > SLOW / 2 and count == 0
            time.sleep(0.1)
        attacker.terminate()
        said = attacker.stdout.read()
    assert peak > SLOW / 2, said
    assert gone or "No open connections left" in said, said


def open_connections(origin):
    """How many the program has, as the kernel tells: of connections established, those whose near end is its port."""
    port = int(origin.rsplit(":", 1)[1])
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in list(table)[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)
