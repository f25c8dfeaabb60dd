from ._pretrained import (
    Pretrained as Pretrained,
    PretrainedModel as PretrainedModel,
    pretrained as pretrained,
    write_pretrained as write_pretrained,
)
from .familiarity import (
    familiar_ranges as familiar_ranges,
    is_familiar as is_familiar,
)
