#!/usr/bin/env python3
"""Reads Keypost's events with nothing but Redis: every event is published, as CloudEvents 1.0 JSON, to the
channel that is named as its topic.

    REDIS_URL=redis://127.0.0.1:6379 python3 plain-subscriber.py [topic ...]

Needs the package redis (Debian: apt-get install python3-redis). A channel keeps nothing: what is published while
nobody listens is not sent later. GET /events has it, and so have the durable subscriptions of the library.
"""

import json
import os
import sys

import redis

TOPICS = ["key_submission", "profile_events", "processing_results"]


def main():
    client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    topics = sys.argv[1:] or TOPICS
    channels = client.pubsub()
    channels.subscribe(*topics)
    waiting = len(topics)
    for message in channels.listen():
        if message["type"] == "subscribe":
            waiting -= 1
            if waiting == 0:
                print("listening", file=sys.stderr, flush=True)
        elif message["type"] == "message":
            event = json.loads(message["data"])
            print(event["time"], event["topic"], event["type"], event.get("subject", "-"), event["id"], flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
