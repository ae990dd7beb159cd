"""`python -m benchmarks [name ...] [--json FILE] [--quick]`: measures, prints a table, keeps a report."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from benchmarks import audit, check_ins, leaves, machine, reads, receipts, report, serving
from benchmarks.fabric import course as fabric
from benchmarks.generator import generator
from benchmarks.measures import Measured
from benchmarks.stage import Stage, staged
from concordat import telemetry
from concordat.garbage import leave_until_started

NAMES = ("reads", "check-ins", "leaves", "audit", "receipts", "serving", "fabric")
PROGRAMS = "CONCORDAT_FABRIC_BIN"
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Exit status 0 whether or not goals are met: a benchmark tells, it does not judge."""
    chosen = _arguments()
    for name in [name for name in os.environ if name.startswith("CONCORDAT_") and "_TEST_" not in name]:
        # Whoever has settings for an installation does not mean to measure with them; where programs are is none.
        if name != PROGRAMS:
            del os.environ[name]
    # As every process of the product does: what is measured in this one is spared later what it started with.
    leave_until_started()
    telemetry.configure(level="warning", form="console")
    before, began = machine.described(), time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(_measured(chosen.names or NAMES, quick=chosen.quick))
    print(report.table(measured))
    path = chosen.json or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.document(measured, before, quick=chosen.quick), indent=2, ensure_ascii=False))
    print(f"\n{time.perf_counter() - began:.0f} s; report: {path}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against controls.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="name", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the report")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, for trying things out")
    return parser.parse_args()


async def _measured(names: Sequence[str], *, quick: bool) -> list[Measured]:
    """One after the other, in the order of NAMES."""
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="concordat-benchmarks-") as folder:
        async with staged(Path(folder)) as stage:
            for name in NAMES:
                if name in names:
                    print(f"{name} ...", file=sys.stderr, flush=True)
                    measured += await _of(name, stage, quick=quick)
    return measured


async def _of(name: str, stage: Stage, *, quick: bool) -> Sequence[Measured]:
    if name == "serving":
        return serving.measure(stage, quick=quick)
    if name == "fabric":
        return await fabric.measure(stage, quick=quick)
    if name == "leaves":
        return await leaves.measure(stage, quick=quick)
    if name == "audit":
        return await audit.measure(stage, quick=quick)
    if name == "receipts":
        return await receipts.measure(stage, quick=quick)
    async with generator() as load:
        compare = reads.measure if name == "reads" else check_ins.measure
        return await compare(stage, load, quick=quick)


if __name__ == "__main__":
    main()
