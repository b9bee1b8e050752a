#!/usr/bin/env python3
"""Records sessions of independent implementations: `record.py [NAME …]`, all of them without a name.

Each `NAME.py` beside this file has `NEEDS` (what must be installed, for people) and `play(stage)`: it starts real
servers and clients on the private loopback network of `../scenarios/stage.py` and lets them talk. What went over the
wire becomes `tests/fixtures/peers/NAME.pcapng`; the sessions' secrets, if `stage.key_log` was written, `NAME.keys`
beside it. A `play` whose peers record for themselves (proxies, browsers) returns their files, by name, instead. What a
recording must show is stated by hand in a `.toml` of its name, which names the `generator` where that is called otherwise.

Root is needed, for the network of its own and the packet socket. Content is made up for the purpose.
"""

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[2] / "tests" / "fixtures" / "peers"
sys.path.insert(0, str(HERE.parent / "scenarios"))
sys.path.insert(0, str(HERE))
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "record")


def record(name):
    from stage import Stage

    stage = Stage()
    files = import_module(name).play(stage)
    OUT.mkdir(parents=True, exist_ok=True)
    if files:
        stage.finish(stage.folder / "unused.pcapng", "plainsight peer recorder")
        for file, content in files.items():
            (OUT / file).write_bytes(content)
            print(f"{file}: {len(content):,} bytes")
        return
    keys = stage.key_log.read_bytes() if stage.key_log.exists() else b""
    stage.key_log.unlink(missing_ok=True)
    if keys:
        (OUT / f"{name}.keys").write_bytes(keys)
    path = OUT / f"{name}.pcapng"
    stage.finish(path, "plainsight peer recorder")
    print(f"{path.name}: {len(stage.recorder.frames)} frames, {path.stat().st_size:,} bytes")


def main(names):
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise SystemExit(f"no such session: {', '.join(unknown)} (there are {', '.join(NAMES)})")
    for name in names or NAMES:
        # A process each: a private network can be entered once.
        child = os.fork()
        if child == 0:
            try:
                record(name)
            except BaseException:
                traceback.print_exc()
                os._exit(1)  # the recorder's thread would go on
            sys.stdout.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            raise SystemExit(f"{name} could not be recorded")


if __name__ == "__main__":
    main(sys.argv[1:])
