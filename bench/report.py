"""The table on the terminal: each figure with what it must reach, aims at and has reached, and the floors."""

from __future__ import annotations

from statistics import median

from rich.console import Console
from rich.table import Table

from bench.figures import Findings, Reached, Target, Verdict

COLOURS = {Verdict.AIM: "green", Verdict.MET: "yellow", Verdict.UNDER: "bold white on red"}


def show(console: Console, findings: Findings) -> None:
    """Print what was found."""
    table = Table(title="Figures: medians over the rounds")
    for name in ("figure", "must", "aim", "reached", "verdict", "rounds", "of what"):
        table.add_column(name, justify="right" if name in ("must", "aim", "reached") else "left")
    for reached in findings.reached:
        verdict = f"[{COLOURS[reached.verdict]}]{reached.verdict.value}[/]"
        table.add_row(reached.target.name, *texts(reached), verdict, spread(reached), reached.detail)
    console.print(table)
    floors = Table(title="Floors: processor time of one of each")
    floors.add_column("floor")
    floors.add_column("median ms", justify="right")
    floors.add_column("least to most", justify="right")
    for name, costs in findings.floors.items():
        floors.add_row(name, f"{median(costs) * 1000:.3f}", f"{min(costs) * 1000:.3f} to {max(costs) * 1000:.3f}")
    console.print(floors)
    for omitted in findings.omitted:
        console.print(f"[yellow]left out:[/] {omitted.name}: {omitted.reason}")
    under = [reached for reached in findings.reached if reached.verdict is Verdict.UNDER]
    for reached in under:
        must, _, value = texts(reached)
        console.print(f"[bold white on red] UNDER MUST [/] {reached.target.name}: {value}, must be {must}")


def texts(reached: Reached) -> tuple[str, str, str]:
    """Must, aim and what was reached, for people."""
    target = reached.target
    sign = "≤ " if target.smaller_is_better else "≥ "
    return sign + number(target, target.must), sign + number(target, target.aim), number(target, reached.value)


def number(target: Target, value: float) -> str:
    """A value in the figure's unit."""
    return f"{value:.1f} %" if target.unit == "%" else f"{value:.2f}{target.unit}"


def spread(reached: Reached) -> str:
    """How many rounds, and from what to what."""
    least, most = (number(reached.target, edge(reached.rounds)) for edge in (min, max))
    return f"{len(reached.rounds)}: {least}–{most}" if len(reached.rounds) > 1 else "1"
