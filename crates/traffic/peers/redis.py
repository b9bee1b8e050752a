"""Values set and read in a Redis server by RESP2 and RESP3, with a password."""

import subprocess
import sys
import time

NEEDS = "redis-server, redis-py"


def play(stage):
    # This file's own name must not stand in the client library's way.
    here = [path for path in sys.path if path.endswith("peers")]
    for path in here:
        sys.path.remove(path)
    sys.modules.pop("redis", None)
    import redis

    arguments = ["--bind", "127.20.3.8", "--port", "16379", "--requirepass", "mere-hern-31", "--save", "", "--dir", str(stage.folder)]
    server = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
    time.sleep(0.7)
    try:
        for protocol in (2, 3):
            client = redis.Redis("127.20.3.8", 16379, password="mere-hern-31", protocol=protocol)
            client.set(f"note:{protocol}", "The heron lands at dusk")
            client.get(f"note:{protocol}")
            client.hset("bob", mapping={"text": "The bittern booms before dawn", "read": 0})
            client.hgetall("bob")
            client.lrange("nothing", 0, -1)
            with client.pipeline() as pipe:
                pipe.rpush("chat", "one", "two").lrange("chat", 0, -1).execute()
            client.close()
    finally:
        server.terminate()
        server.wait()
