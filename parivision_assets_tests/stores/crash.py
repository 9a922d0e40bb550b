"""Kill -9 at every step: run an action again and again, each time killed one step later, and keep what it left.

A step is one call of an `os` function that changes something (a write is cut in the middle), a file just opened for
writing by other means, or what the action marks itself (`step`, `around`: databases write without `os`). The children
are forked by a fresh process that has imported the stores and no more.
"""

import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

STEPS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")

_PROGRAM = """
import os, shutil, sys
from pathlib import Path
from parivision_assets_tests.stores import crash
{imports}
def action(root):
{action}
for step in range(1, 200):
    root = Path({folder!r}) / f"step_{{step:03d}}"
    shutil.copytree({template!r}, root, dirs_exist_ok=True)
    child = os.fork()
    if child == 0:
        crash.arm(step)
        action(root)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        sys.exit(0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"step {{step}}: the action failed by itself")
sys.exit("the action never came to its end")
"""


def step() -> None:
    """Mark a step of an action; `arm` replaces it."""


def around(owner: type, name: str) -> None:
    """Make the moment before and the moment after a method steps."""
    real = getattr(owner, name)

    def stepped(*args, **kwargs):
        step()
        found = real(*args, **kwargs)
        step()
        return found

    setattr(owner, name, stepped)


def arm(number: int) -> None:
    """Kill this process at the given step."""
    left = number
    real = {name: getattr(os, name) for name in STEPS}

    def is_last() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def wrap(name: str):
        def stepped(*args, **kwargs):
            if is_last():
                if name == "write":
                    real["write"](args[0], args[1][: len(args[1]) // 2])
                _die()
            return real[name](*args, **kwargs)

        return stepped

    def opened(file, mode="r", *args, **kwargs):
        handle = real_open(file, mode, *args, **kwargs)
        if mode[0] in "wax+" and is_last():
            _die()
        return handle

    real_open = io.open
    io.open = opened
    globals()["step"] = lambda: _die() if is_last() else None
    for name in STEPS:
        setattr(os, name, wrap(name))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_every_step(imports: str, action: str, template: Path, folder: Path, timeout_s: int = 120) -> list[Path]:
    """Return one folder per step: a copy of `template` as the action, killed at that step, left it.

    `action` is Python code that uses `root`. The last folder is that of the action that came to its end.
    """
    template.mkdir(parents=True, exist_ok=True)
    program = _PROGRAM.format(
        imports=imports,
        action=textwrap.indent(textwrap.dedent(action), "    "),
        folder=str(folder),
        template=str(template),
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stderr
    left = sorted(folder.glob("step_*"))
    assert len(left) > 3, "the action has hardly any steps: is it armed?"
    return left
