"""Every picture that Pillow is tested with, good and hostile: none crashes or hangs the server, and none is served inline as
it came."""

import base64
import hashlib
import os
import pathlib
import subprocess
import sys
import tarfile

import httpx
import pytest

HERE = pathlib.Path(__file__).parent
#: Pictures that are made to break a decoder have one of these in their names.
HOSTILE = ("crash", "timeout", "oom", "bomb", "bad", "fuzz", "broken", "corrupt", "invalid", "trunc", "overflow")
#: How long the server may take for one of them, in seconds: then it hangs.
HANGS_S = 60


@pytest.fixture(scope="session")
def pictures():
    """`(name, bytes)` of each, out of Pillow's source package, which stays in the user's cache."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "roundtrip" / "pictures"
    if not (folder / "Pillow-9.5.0.tar.gz").is_file():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        source = ["--no-binary", ":all:", "--no-deps", "--require-hashes"]
        wanted = ["--dest", folder, "--requirement", HERE / "hostile-images.txt"]
        subprocess.run([*pip, *source, *wanted], check=True)
    with tarfile.open(folder / "Pillow-9.5.0.tar.gz") as archive:
        found = [
            (pathlib.PurePosixPath(member.name).name, archive.extractfile(member).read())
            for member in archive
            if member.isfile() and "/Tests/images/" in member.name
        ]
    assert len(found) > 900
    assert sum(any(word in name for word in HOSTILE) for name, _ in found) > 70
    return found


def test_no_picture_breaks_the_server_or_is_served_as_it_came(start, pictures):
    origin = start()
    previews = 0
    with httpx.Client(base_url=origin, timeout=HANGS_S) as client:
        for name, picture in pictures:
            stored = client.post("/api/images", content=picture)
            assert stored.status_code == 201, name
            image = stored.json()
            digest = hashlib.sha256(picture).digest()
            assert image["sha256"] == digest.hex(), name

            original = client.get(f"/api/images/{image['id']}/original")
            assert original.headers["content-type"] == "application/octet-stream"
            assert original.headers["content-disposition"].startswith("attachment")
            assert "default-src 'none'" in original.headers["content-security-policy"]
            assert "sandbox" in original.headers["content-security-policy"]
            assert original.headers["x-content-type-options"] == "nosniff"
            expected = f"sha-256=:{base64.b64encode(digest).decode()}:"
            assert original.headers["repr-digest"] == expected
            assert original.content == picture, name

            preview = client.get(f"/api/images/{image['id']}/preview")
            assert preview.headers["x-content-type-options"] == "nosniff"
            if image["preview"] is None:
                assert image["why"], name
                assert preview.status_code == 404
                assert preview.headers["content-type"] == "application/problem+json"
            else:
                previews += 1
                assert preview.status_code == 200
                kind = preview.headers["content-type"]
                begin = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}[kind]
                assert preview.content.startswith(begin), name
                assert preview.content != picture, name
        assert client.get("/healthz").status_code == 200
    assert previews > 200
