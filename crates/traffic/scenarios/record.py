"""Records the bundled scenarios again: `python3 record.py [NAME …]`, all of them without a name."""

import os
import sys
from importlib import import_module
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
NAMES = ["choir", "doorman", "duet", "encore", "glyphkeys", "justalk", "justalk-kids", "justalk-second-number", "tessera", "upright"]


def captures(name):
    """The captures of a scenario: file name and who plays."""
    module = import_module(name.replace("-", "_"))
    return {"capture.pcapng": module.play, **getattr(module, "MORE", {})}


def record(name, file, play):
    from stage import Stage

    stage = Stage()
    play(stage)
    path = SCENARIOS / name / file
    path.parent.mkdir(parents=True, exist_ok=True)
    stage.finish(path, "plainsight scenario recorder")
    print(f"{path}: {len(stage.recorder.frames)} frames, {path.stat().st_size:,} bytes")


def main(names):
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise SystemExit(f"no such scenario: {', '.join(unknown)} (there are {', '.join(NAMES)})")
    for name in names or NAMES:
        for file, play in captures(name).items():
            # A process each: a private network can be entered once.
            child = os.fork()
            if child == 0:
                record(name, file, play)
                sys.stdout.flush()
                os._exit(0)
            if os.waitpid(child, 0)[1] != 0:
                raise SystemExit(f"{file} of {name} could not be recorded")


if __name__ == "__main__":
    main(sys.argv[1:])
