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
                    # No event without data: the time to reconnect comes with the first message.
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
