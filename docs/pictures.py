"""Draws the pages' pictures again: runs their code, keeps what it saves. Not a page.

python docs/pictures.py [tutorial.md ...]
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
# A block of Python, and what it prints where the page shows that next.
BLOCK = re.compile(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE
)
SHOWN = re.compile(r"\(pictures/(\S+\.png)\)")
# Grids of flat colours need few; a quarter of the file remains, and looks the same.
COLOURS = 64


def run(page: Path) -> list[tuple[str, str]]:
    """Runs the Python blocks of a page as one session, in the current folder.

    Returns:
        Of each block whose output the page shows: that, and what it printed.
    """
    namespace: dict[str, object] = {"__name__": page.stem}
    outputs = []
    for block in BLOCK.finditer(text := page.read_text(encoding="utf-8")):
        line = text.count(
            "\n", 0, block.start(1)
        )  # so that a traceback points into the page
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * line + block[1], str(page), "exec"), namespace)
        if block[2] is not None:
            outputs.append((block[2], printed.getvalue()))
    return outputs


def main() -> None:
    from PIL import Image  # noqa: PLC0415 - the tests use run without it

    pages = [DOCS / name for name in sys.argv[1:]] or sorted(DOCS.glob("*.md"))
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            run(page)
            for name in SHOWN.findall(page.read_text(encoding="utf-8")):
                if (drawn := Path(name)).exists():
                    small = Image.open(drawn).convert("RGB").quantize(COLOURS)
                    small.save(DOCS / "pictures" / name, optimize=True)
            os.chdir(DOCS)


if __name__ == "__main__":
    main()
