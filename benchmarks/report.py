"""Measurements as text and as JSON. Measures nothing."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from classes import TARGETS, Target, class_of
from rows import OURS, Row

WIDTH = 12  # of a peer's column: the longest name and a space


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The speed of each, our ratio over the best, our share of the machine's, and our error; why any is missing."""
    width = max(len(row.job.name) for row in rows)
    lines = [
        f"{'problem':<{width}} "
        + "".join(f"{name:>{WIDTH}}" for name in names)
        + " ratio best peer    of limit   error"
    ]
    for row in rows:
        speeds = "".join(f"{row.speed(name):>{WIDTH}.1f}" if name in row.seconds else " " * 11 + "-" for name in names)
        ratio, best = number(row.ratio(), 6), row.best_peer() or "-"
        lines.append(f"{row.job.name:<{width}} {speeds}{ratio} {best:<12}{row.share():>8.0%}  {row.error[OURS]:.0e}")
    lines.append(f"{'geometric mean of the ratios':<{width + WIDTH * len(names) + 1}}{number(mean(rows), 6)}")
    return "\n".join(lines + [f"  {line}" for line in notes(rows)])


def notes(rows: Sequence[Row]) -> list[str]:
    """Why a peer shows "-", and whose speed doesn't count for its error."""
    refused: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, reason in row.refused.items():
            refused.setdefault((name, reason), []).append(row.job.name)
    lines = [
        f"{name}: {reason} ({', '.join(jobs) if len(jobs) <= 3 else f'{len(jobs)} problems'})"
        for (name, reason), jobs in refused.items()
    ]
    rough: dict[str, list[float]] = {}
    for row in rows:
        for name in row.seconds:
            if row.error[name] > row.accurate:
                rough.setdefault(name, []).append(row.error[name])
    lines += [
        f"{name}: not counted where its relative error exceeds {rows[0].accurate:.0e}: "
        f"{len(errors)} problem(s), up to {max(errors):.0e}"
        for name, errors in rough.items()
    ]
    return lines


def summary(rows: Sequence[Row]) -> str:
    """For each class and number of threads the geometric mean and the least of the ratios, beside the target."""
    lines = [f"{'class':<24}{'over the best of':<44}{'threads':>7}{'problems':>9}{'mean':>7}{'least':>7}{'target':>8}"]
    for name, targets in TARGETS.items():
        for target, threads in product(targets or (Target(math.nan),), sorted({row.threads for row in rows})):
            chosen = [row for row in rows if row.threads == threads and class_of(row.job) == name]
            if not chosen:
                continue
            counted = [row for row in chosen if row.best_peer(target.peers)]
            average = number(mean(counted, target.peers), 7)
            least = number(min((row.ratio(target.peers) for row in counted), default=math.nan), 7)
            lines.append(
                f"{name:<24}{target.over():<44}{threads:>7}{len(counted):>9}{average}{least}{number(target.ratio, 8)}"
            )
    return "\n".join(lines)


def mean(rows: Sequence[Row], among: Sequence[str] = ()) -> float:
    ratios = [row.ratio(among) for row in rows if not math.isnan(row.ratio(among))]
    return statistics.geometric_mean(ratios) if ratios else math.nan


def number(value: float, width: int) -> str:
    return f"{'-' if math.isnan(value) else format(value, '.2f'):>{width}}"


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "problem": row.job.name,
            "class": class_of(row.job),
            "threads": row.threads,
            "work": row.job.work(),
            "unit": row.job.unit,
            "limits": asdict(row.limits),
            "seconds": row.seconds,
            "relative_error": row.error,
            "accurate": row.accurate,
            "refused": row.refused,
            "retaken": row.retaken,
            "best_peer": row.best_peer(),
            "ratio": None if math.isnan(row.ratio()) else row.ratio(),
        }
        for row in rows
    ]


def machine() -> dict[str, Any]:
    """Where the numbers come from, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    is_real_time = hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cpus": max(len(models), 1),
        "platform": " ".join([platform.system(), platform.machine(), *platform.libc_ver()]).strip(),
        "python": platform.python_version(),
        # Spinning threads at a real-time priority are not moved from one CPU to another.
        "priority": "real-time" if is_real_time else "ordinary",
    }
