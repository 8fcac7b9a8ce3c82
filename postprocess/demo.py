"""Table and figure of the demo: the same void at two stack pressures."""

from __future__ import annotations

from pathlib import Path

from postprocess import plots
from postprocess.canvas import plt, save
from postprocess.records import read_run


def demo_table(folders: list[Path]) -> str:
    """Small table: one row per run, from its records."""
    lines = [
        f"{'run':14s} {'end':>10s} {'capacity':>10s} {'time':>9s} {'void width':>15s} {'void height':>15s} "
        f"{'contact':>15s} {'overpotential':>16s} {'balance':>8s}",
        f"{'':14s} {'':>10s} {'mAh/cm2':>10s} {'s':>9s} "
        f"{'um':>15s} {'um':>15s} {'%':>15s} {'mV':>16s} {'error':>8s}",
    ]
    for folder in folders:
        run = read_run(folder)
        s = run.series
        end = run.events[0]["kind"] if run.events else str(run.manifest["status"])
        worst = max(float(s[c].max()) for c in ("charge_error", "lithium_error", "volume_error"))

        def change(column: str, factor: float = 1.0, digits: int = 2, s: dict = s) -> str:  # type: ignore[type-arg]
            return f"{factor * s[column][0]:.{digits}f} -> {factor * s[column][-1]:.{digits}f}"

        lines.append(
            f"{folder.name:14s} {end:>10s} {s['capacity_mAh_cm2'][-1]:10.5f} {s['time_s'][-1]:9.2f} "
            f"{change('largest_width_um'):>15s} {change('largest_height_um'):>15s} "
            f"{change('contact_fraction', 100.0, 1):>15s} {change('voltage_V', 1e3):>16s} {worst:8.1e}"
        )
    return "\n".join(lines)


def demo_figure(folders: list[Path], path: Path) -> Path:
    """Shapes over time, fields at the last output and contact, one row per run."""
    runs = [read_run(folder) for folder in folders]
    size = (17, 4.4 * len(runs))
    ratios = {"width_ratios": [1.0, 1.5, 1.0]}
    figure, panels = plt.subplots(
        len(runs), 3, figsize=size, squeeze=False, gridspec_kw=ratios, layout="constrained"
    )
    for row, run in zip(panels, runs, strict=True):
        plots.shape_axes(row[0], run)
        row[0].set_title(f"{run.folder.name}: void shape", fontsize=9, parse_math=False)
        plots.field_panel(row[1], run)
        plots.contact_axes(row[2], run)
        twin = row[2].twinx()
        twin.plot(run.series["capacity_mAh_cm2"], plots.MILLI * run.series["voltage_V"], "C3")
        twin.set_ylabel("Overpotential (mV)", color="C3")
        row[2].locator_params(axis="x", nbins=5)
        row[2].set_title("contact and overpotential", fontsize=9)
    return save(figure, path, dpi=110)
