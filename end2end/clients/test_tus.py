"""pip tuspy uploads 50 MiB with a pause, and pieces with checksums."""

import hashlib
import io
import os

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.uploader import Uploader

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


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_pieces_with_checksums(origin, algorithm):
    class Checked(Uploader):
        CHECKSUM_ALGORITHM_PAIR = (algorithm, getattr(hashlib, algorithm))

    file = os.urandom(5 * MIB + 7)
    upload = Checked(
        file_stream=io.BytesIO(file),
        chunk_size=MIB,
        client=TusClient(f"{origin}/files"),
        upload_checksum=True,
    )
    upload.upload()
    image = httpx.get(upload.url.replace("/files/", "/api/images/"), timeout=60).json()
    assert image["sha256"] == hashlib.sha256(file).hexdigest()


def test_a_wrong_checksum_is_caught_and_the_right_one_goes_on(origin):
    class Wrong(Uploader):
        CHECKSUM_ALGORITHM_PAIR = ("sha1", lambda piece: hashlib.sha1(piece + b"!"))

    file = os.urandom(2 * MIB)
    client = TusClient(f"{origin}/files")
    wrong = Wrong(
        file_stream=io.BytesIO(file), chunk_size=MIB, client=client, upload_checksum=True
    )
    with pytest.raises(TusCommunicationError) as caught:
        wrong.upload()
    assert caught.value.status_code == 460
    right = client.uploader(
        file_stream=io.BytesIO(file), chunk_size=MIB, url=wrong.url, upload_checksum=True
    )
    assert right.offset == 0
    right.upload()
    image = httpx.get(wrong.url.replace("/files/", "/api/images/"), timeout=60).json()
    assert image["sha256"] == hashlib.sha256(file).hexdigest()
