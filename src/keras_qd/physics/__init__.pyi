from .box import (
    Box as Box,
)
from .double_dots import (
    Anticrossing as Anticrossing,
    ExchangeModels as ExchangeModels,
    exchange_models as exchange_models,
    tunnel_coupling as tunnel_coupling,
)
from .interactions import (
    Interaction as Interaction,
)
from ._kohn_sham import (
    KohnSham as KohnSham,
    hartree_potential as hartree_potential,
    kohn_sham as kohn_sham,
    kohn_sham_of_density as kohn_sham_of_density,
)
from .line.potentials import (
    LineFamily as LineFamily,
    sample_potentials_1d as sample_potentials_1d,
)
from .line.solver import (
    Solution1D as Solution1D,
    solve_1d as solve_1d,
    states_1d as states_1d,
)
from .pair_state import (
    PairState as PairState,
)
from .potentials.base import (
    Parameter as Parameter,
    PotentialFamily as PotentialFamily,
    potential_families as potential_families,
    potential_family as potential_family,
    sample_generator as sample_generator,
    sample_potentials as sample_potentials,
)
from .quantities import (
    AdditionEnergies as AdditionEnergies,
    Estimate as Estimate,
    Spectrum as Spectrum,
    addition_energies as addition_energies,
    exchange as exchange,
    spectrum as spectrum,
)
from .references import (
    taut_density as taut_density,
    two_electron_energy as two_electron_energy,
)
from .solution import (
    LabelError as LabelError,
    Solution as Solution,
)
from .solver import (
    Solver as Solver,
    estimate_label_error as estimate_label_error,
    pair_states as pair_states,
    solve as solve,
)
from .two_electrons import (
    PairBatch as PairBatch,
    solve_batch as solve_batch,
)
from .units import (
    Material as Material,
    material as material,
    material_names as material_names,
)
from .validation import (
    Check as Check,
    validate as validate,
)
