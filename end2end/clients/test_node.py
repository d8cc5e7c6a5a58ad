"""The npm clients' tests, `*.test.mjs`, run by Node's own runner against the same program."""

import os
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).parent


def test_npm_clients(origin):
    files = sorted(FOLDER.glob("*.test.mjs"))
    assert files
    node = subprocess.run(
        ["node", "--test", "--test-reporter=spec", *files],
        env={**os.environ, "ROUNDTRIP_URL": origin},
    )
    assert node.returncode == 0, "see what Node's runner said"
