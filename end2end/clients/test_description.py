"""pip schemathesis finds no fault in the API's description, or in the server that should keep to it."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: The same cases each time. By hand: more of them, and others.
CASES = ["--max-examples", "10", "--seed", "1"]
#: Half a request, sent by the probe, is not waited for longer than this.
DEADLINES = ["--first-byte=500ms", "--head=500ms", "--body-pause=500ms"]


def test_no_fault_is_found(start):
    origin = start(*DEADLINES)
    st = subprocess.run(
        [
            pathlib.Path(sys.executable).with_name("st"),
            "--config-file=end2end/schemathesis.toml",
            "run",
            f"{origin}/openapi.json",
            "--phases=examples,coverage,fuzzing,stateful",
            *CASES,
        ],
        cwd=ROOT,
    )
    assert st.returncode == 0, "see what schemathesis said"
