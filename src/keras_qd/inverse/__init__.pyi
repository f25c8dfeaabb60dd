from ._refine import (
    invert_many as invert_many,
)
from .device import (
    DesignSpace as DesignSpace,
    FamilyInversion as FamilyInversion,
    invert_in_family as invert_in_family,
)
from .outcome import (
    Inversion as Inversion,
)
from .proposal import (
    invert as invert,
)
from .targets import (
    DensityTarget as DensityTarget,
    density_of_picture as density_of_picture,
    density_target as density_target,
    density_targets as density_targets,
)
