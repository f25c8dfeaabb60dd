from ._invert import (
    invert as invert,
    invert_many as invert_many,
)
from ._design import (
    Design as Design,
    design as design,
    design_device as design_device,
)
from .design_space import (
    DesignSpace as DesignSpace,
)
from .device import (
    FamilyInversion as FamilyInversion,
    invert_in_family as invert_in_family,
    invert_with_gates as invert_with_gates,
)
from .outcome import (
    Inversion as Inversion,
    Iteration as Iteration,
)
from .targets import (
    DensityTarget as DensityTarget,
    density_of_picture as density_of_picture,
    density_target as density_target,
    density_targets as density_targets,
)
