"""Times trueup beside its peers, on the same buffers and one core each.

bench/peers/run starts it where the peers are installed. A round has a plain
copy, trueup and every peer in turn, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from operations import COLUMNS, VOCABULARY, WIDTH, Operation, Results, operations, raw

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN, END = "<!-- bench/peers/run writes from here -->\n", "<!-- to here -->\n"
PEERS = ["torch", "ml_dtypes", "ModelOpt", "torchao", "compressed-tensors", "verl"]
PACKAGES = {"ModelOpt": "nvidia-modelopt"}  # where it is not the peer's name
PROMISED = "ModelOpt"  # whose bytes trueup's recipe promises


class Trueup:
    """The Go program, waiting for the names of operations."""

    def __init__(self, directory: Path) -> None:
        program = directory / "peers"
        subprocess.run(["go", "build", "-o", program, "./bench/peers"], cwd=ROOT, check=True)
        shape = [f"-columns={COLUMNS}", f"-vocabulary={VOCABULARY}", f"-width={WIDTH}"]
        self.process = subprocess.Popen(
            [program, *shape, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"GOMAXPROCS": "1"},
        )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.about = self.stdout.readline().strip()

    def seconds(self, name: str) -> float:
        print(name, file=self.stdin, flush=True)
        return int(self.stdout.readline()) / 1e9

    def close(self) -> None:
        self.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Figures:
    operation: Operation
    copy: float  # seconds of processor time, in the best round
    trueup: float
    peers: dict[str, float]
    agreement: dict[str, str]  # "" where every byte is the same


def measure(operation: Operation, trueup: Trueup, directory: Path, budget: float) -> Figures:
    """Measures for about budget seconds, three rounds at least."""
    src, dst = np.ones(operation.nbytes, np.uint8), np.zeros(operation.nbytes, np.uint8)
    trueup.seconds(operation.name)
    agreement = {name: compare(operation.name, directory, run()) for name, run in operation.peers.items()}
    if difference := agreement.get(PROMISED):
        sys.exit(f"{operation.title}: not the bytes of {PROMISED}: {difference}")
    copy, ours = [], []
    peers: dict[str, list[float]] = {name: [] for name in operation.peers}
    stop = time.perf_counter() + budget
    while len(copy) < 3 or time.perf_counter() < stop:
        copy.append(seconds(lambda: np.copyto(dst, src)))
        ours.append(trueup.seconds(operation.name))
        for name, run in operation.peers.items():
            peers[name].append(seconds(run))
    return Figures(operation, min(copy), min(ours), {name: min(t) for name, t in peers.items()}, agreement)


def seconds(run: Callable[[], object]) -> float:
    """Returns the processor time that a call takes, freeing its result not included."""
    start = time.process_time()
    result = run()
    stop = time.process_time()
    del result
    return stop - start


def compare(name: str, directory: Path, results: Results) -> str:
    """Says how a peer's results differ from trueup's: "" where they do not."""
    different, total = 0, 0
    distance: float | None = None
    for i, theirs in enumerate(results):
        ours = np.fromfile(directory / f"{name}.{i}", np.uint8)
        if not theirs.is_floating_point():
            theirs = theirs.byte()
        if ours.size == theirs.nbytes and np.array_equal(ours, raw(theirs)):
            total += ours.size
        elif ours.size == theirs.nbytes and theirs.element_size() < 4:
            different += int(np.count_nonzero(ours != raw(theirs)))
            total += ours.size
        else:
            values = theirs.float().numpy().reshape(-1)
            distance = max(distance or 0.0, float(np.abs(ours.view(np.float32) - values).max()))
    said = [f"{different:,} of {total:,} bytes differ"] if different else []
    if distance is not None:
        said.append(f"within {distance:.0e}" if distance else "the same but for the sign of zeros")
    return ", ".join(said)


def report(f: Figures) -> str:
    """Returns the lines that the terminal shows for an operation."""
    lines = [f"{f.operation.title:<45}{'GB/s':>7}{'trueup is':>12}  results"]
    for name, t in {"copy": f.copy, "trueup": f.trueup, **f.peers}.items():
        line = f"  {name:<43}{f.operation.nbytes / t / 1e9:7.2f}"
        if name != "trueup":
            line += f"{times(t / f.trueup) + '×':>12}"
        if name in f.agreement:
            line += "  " + (f.agreement[name] or "same bytes")
        lines.append(line)
    return "\n".join(lines) + "\n"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.1f}" if ratio >= 0.95 else f"{ratio:.2f}"


def table(figures: list[Figures], about: str) -> str:
    """Returns the section of the README."""
    rows = [["operation", "GB/s", "copy, GB/s", *PEERS], ["---"] * (3 + len(PEERS))]
    for f in figures:
        row = [f.operation.title, *(f"{f.operation.nbytes / t / 1e9:.1f}" for t in (f.trueup, f.copy))]
        for name in PEERS:
            cell = times(f.peers[name] / f.trueup) if name in f.peers else ""
            row.append(f"{cell} =" if f.agreement.get(name) == "" else cell)
        rows.append(row)
    versions = ", ".join(f"{name} {version(PACKAGES.get(name, name))}" for name in PEERS)
    caption = f"""\
How many times as fast as its peers trueup is, one core each, on the same buffers (`bench/peers/run`); `=` where the
results are the same bytes. GB/s are trueup's, and NumPy's for a plain copy, of the values that go in (for NVFP4 →
float32, come out). Processor time, best of interleaved rounds on a shared machine: {processor()}, {about};
Python {platform.python_version()}, NumPy {version("numpy")}, {versions}."""
    return f"\n{caption}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_readme(section: str) -> None:
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + section + END + after)


def main() -> None:
    parser = argparse.ArgumentParser(description="Times trueup beside its peers and writes the table in the README.")
    parser.add_argument("--print", action="store_true", help="print the table, and leave the README alone")
    parser.add_argument("--for", type=float, default=10, metavar="SECONDS", dest="budget",
                        help="how long to measure each operation, three rounds at least (default 10)")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        trueup = Trueup(directory)
        figures = []
        for operation in operations(directory):
            figures.append(measure(operation, trueup, directory, args.budget))
            print(report(figures[-1]), flush=True)
        trueup.close()
    section = table(figures, trueup.about)
    if args.print:
        sys.stdout.write(section)
    else:
        write_readme(section)
        print(f"written to {README}")


if __name__ == "__main__":
    main()
