"""ParaView state: opens the run in LIVOID_RUN (default: this folder); LIVOID_PICTURE saves its last time."""

import os

from paraview.simple import (
    ColorBy,
    CreateView,
    GetAnimationScene,
    GetColorTransferFunction,
    PVDReader,
    Render,
    ResetCamera,
    SaveScreenshot,
    Show,
    Text,
    Threshold,
)

METAL, ELECTROLYTE = 1, 2
run = os.path.abspath(os.environ.get("LIVOID_RUN", "."))
fields = PVDReader(registrationName=os.path.basename(run), FileName=os.path.join(run, "fields.pvd"))
fields.UpdatePipeline()

view = CreateView("RenderView")
view.ViewSize = [1200, 900]
bounds = fields.GetDataInformation().GetBounds()
if bounds[5] - bounds[4] == 0.0:
    view.InteractionMode = "2D"


def part(region: int, name: str, array: tuple[str, str], colours: str) -> None:
    """Show one region coloured by an array."""
    cells = Threshold(registrationName=name, Input=fields, Scalars=["CELLS", "region"])
    cells.LowerThreshold = cells.UpperThreshold = region
    shown = Show(cells, view)
    shown.Representation = "Surface"
    ColorBy(shown, array)
    shown.RescaleTransferFunctionToDataRange(True, False)
    GetColorTransferFunction(array[1]).ApplyPreset(colours, True)
    shown.SetScalarBarVisibility(view, True)


part(METAL, "metal", ("POINTS", "supersaturation"), "Viridis (matplotlib)")
part(ELECTROLYTE, "electrolyte", ("CELLS", "current_density"), "Inferno (matplotlib)")
Show(Text(registrationName="run", Text=os.path.basename(run)), view)
scene = GetAnimationScene()
scene.UpdateAnimationUsingDataTimeSteps()
scene.GoToLast()
ResetCamera(view)
Render(view)
if "LIVOID_PICTURE" in os.environ:
    SaveScreenshot(os.environ["LIVOID_PICTURE"], view)
