from ._pretrained import (
    Pretrained as Pretrained,
    pretrained as pretrained,
    write_pretrained as write_pretrained,
)
from .models import (
    GroundStateModel as GroundStateModel,
    PotentialModel as PotentialModel,
    PretrainedModel as PretrainedModel,
    boltzmann_potential as boltzmann_potential,
    familiar_ranges as familiar_ranges,
    is_familiar as is_familiar,
)
