from .box import Box as Box
from .interactions import Interaction as Interaction
from .inversion.design_space import DesignSpace as DesignSpace
from .inversion.family import (
    FamilyInversion as FamilyInversion,
    invert_in_family as invert_in_family,
)
from .inversion.inverter import invert as invert
from .inversion.many import invert_many as invert_many
from .inversion.outcome import Inversion as Inversion
from .label_error import LabelError as LabelError, estimate_label_error as estimate_label_error
from .materials import material as material, material_names as material_names
from .one_dimensional.sampling import sample_potentials_1d as sample_potentials_1d
from .one_dimensional.solution import Solution1D as Solution1D
from .one_dimensional.solver import solve_1d as solve_1d, states_1d as states_1d
from .potentials.catalogue import (
    potential_families as potential_families,
    potential_family as potential_family,
)
from .potentials.family import PotentialFamily as PotentialFamily
from .potentials.sampling import (
    sample_generator as sample_generator,
    sample_potentials as sample_potentials,
)
from .references import taut_density as taut_density, two_electron_energy as two_electron_energy
from .solution import Solution as Solution
from .solver import Solver as Solver, solve as solve
from .targets.catalogue import (
    density_target as density_target,
    density_targets as density_targets,
)
from .targets.given import density_of_picture as density_of_picture
from .targets.target import DensityTarget as DensityTarget
from .units import Material as Material
from .validation.check import Check as Check
from .validation.table import validate as validate
