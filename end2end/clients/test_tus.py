"""pip tuspy uploads 50 MiB with a pause."""

import hashlib
import io
import os

import httpx
from tusclient.client import TusClient

MIB = 1024 * 1024


def test_50_mib_with_a_pause(origin):
    file = os.urandom(50 * MIB)
    client = TusClient(f"{origin}/files")
    first = client.uploader(
        file_stream=io.BytesIO(file), chunk_size=4 * MIB, metadata={"filename": "noise.bin"}
    )
    first.upload(stop_at=20 * MIB)
    assert first.offset == 20 * MIB

    # Later, elsewhere: only the URL is known.
    second = client.uploader(file_stream=io.BytesIO(file), chunk_size=7 * MIB, url=first.url)
    assert second.offset == 20 * MIB
    second.upload()
    assert second.offset == len(file)

    identity = first.url.rsplit("/", 1)[-1]
    image = httpx.get(f"{origin}/api/images/{identity}", timeout=60).json()
    assert image["bytes"] == len(file)
    assert image["sha256"] == hashlib.sha256(file).hexdigest()
    assert image["preview"] is None and image["why"]
