from .device import (
    ChargeState as ChargeState,
    Device as Device,
)
from .gates import (
    ArrayGate as ArrayGate,
    GaussianGate as GaussianGate,
    RectangularGate as RectangularGate,
)
from .interdot import (
    InterdotTransition as InterdotTransition,
    tunnel_coupling as tunnel_coupling,
)
from .stability import (
    CapacitanceModel as CapacitanceModel,
    StabilityDiagram as StabilityDiagram,
    stability_diagram as stability_diagram,
)
from .sweep import (
    Sweep as Sweep,
    sweep_gate as sweep_gate,
)
