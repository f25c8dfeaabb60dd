"""Run the examples and keep their output, which the site shows.

python docs/run_examples.py            # those whose code has changed since they were last run
python docs/run_examples.py 05 15      # these, in any case

``docs/executed/NAME.ipynb`` is the example with its printed text and figures, the date, the
processor and the time that it took. Building the site executes nothing, and shows no output of
other code.
"""

import datetime as dt
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from gallery import EXECUTED, is_current, notebook, scripts

#: Output longer than this, in characters, is cut in the middle.
LONGEST = 4000


def processor() -> str:
    """Return the name of the processor as the system gives it."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.processor()


def as_seen(text: str) -> str:
    """Return what a terminal shows of a text with progress bars: the last state of each line."""
    lines = [line.rpartition("\r")[2] for line in text.replace("\b", "").rstrip("\n").split("\n")]
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in lines]
    text = "\n".join(
        first_and_last_epoch(each for each in lines if not each.startswith("WARNING:"))
    )
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n...\n{text[-LONGEST // 2 :]}"
    return text + "\n"


def first_and_last_epoch(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text, of every training only the first and the last epoch."""
    epoch = last = 0
    for line in lines:
        if found := re.match(r"Epoch (\d+)/(\d+)$", line):
            epoch, last = map(int, found.groups())
        is_log = found or "━" in line
        if not is_log or epoch in (1, last):
            yield line
        elif found and epoch == 2:
            yield "..."


def tidy(cell: nbformat.NotebookNode) -> None:
    """Join the printed text of a cell; drop log lines and all but one form of each figure."""
    kept = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        elif "image/png" in output.get("data", {}):
            output.data = {"image/png": output.data["image/png"]}
        kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = as_seen(output.text)
        output.get("metadata", {}).clear()
    cell.outputs = kept
    cell.metadata.pop("execution", None)


def run(script: Path) -> None:
    """Run one example in an empty folder, and write it with its output."""
    made = notebook(script)
    # Figures are shown that pyplot does not know.
    made.cells.insert(0, nbformat.v4.new_code_cell("%matplotlib inline"))
    clock = time.time()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(made, timeout=3600, resources={"metadata": {"path": folder}})
        client.execute()
    del made.cells[0]
    for cell in made.cells:
        if cell.cell_type == "code":
            tidy(cell)
    made.metadata["executed"] = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "seconds": round(time.time() - clock),
    }
    EXECUTED.mkdir(exist_ok=True)
    nbformat.write(made, EXECUTED / f"{script.stem}.ipynb")
    print(f"{script.name}: {made.metadata['executed']['seconds']} s", flush=True)


def main(numbers: list[str]) -> None:
    """Run the examples with these numbers, or those that have changed."""
    for script in scripts():
        if script.name[:2] in numbers if numbers else not is_current(script):
            run(script)


if __name__ == "__main__":
    main(sys.argv[1:])
