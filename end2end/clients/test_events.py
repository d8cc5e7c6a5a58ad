"""pip httpx-sse follows a topic over a reconnect."""

import uuid

import httpx
from httpx_sse import connect_sse


def publish(origin, topic, payload):
    answer = httpx.post(
        f"{origin}/api/topics/{topic}/messages",
        content=payload,
        headers={"content-type": "text/plain"},
    )
    assert answer.status_code == 201
    return answer.json()["id"]


def test_every_message_comes_once_and_in_order(origin):
    topic = f"events-{uuid.uuid4()}"
    url = f"{origin}/api/topics/{topic}/events"
    published = []
    seen = []
    last = {}
    with httpx.Client(timeout=60) as client:
        for round_ in range(3):
            with connect_sse(client, "GET", url, headers=last) as stream:
                published.append((publish(origin, topic, f"live {round_}"), f"live {round_}"))
                for event in stream.iter_sse():
                    # No event without data: the place where a stream begins is none to it, and the time to reconnect
                    # comes with the first message.
                    assert event.event == "message"
                    seen.append((event.id, event.data))
                    if len(seen) == 1:
                        assert event.retry == 1000
                    if event.data == f"live {round_}":
                        break
                last = {"Last-Event-ID": seen[-1][0]}
            # Nobody listens now.
            for payload in [f"away {round_}", "two\nlines"]:
                published.append((publish(origin, topic, payload), payload))
    # What was published after the last stream has ended is still to come.
    assert seen == published[:-2]


def test_the_head_says_where_a_stream_begins(origin):
    topic = f"events-{uuid.uuid4()}"
    url = f"{origin}/api/topics/{topic}/events"
    before = publish(origin, topic, "before")
    with httpx.Client(timeout=60) as client:
        with connect_sse(client, "GET", url) as stream:
            place = stream.response.headers["last-event-id"]
        # It was closed before anything came.
        missed = publish(origin, topic, "missed")
        with connect_sse(client, "GET", url, headers={"Last-Event-ID": place}) as stream:
            assert "last-event-id" not in stream.response.headers
            event = next(stream.iter_sse())
    assert (place, event.id, event.data) == (before, missed, "missed")
