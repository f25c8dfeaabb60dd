from .base import (
    Context as Context,
    FieldMetric as FieldMetric,
    unit_of as unit_of,
)
from .classification import (
    Accuracy as Accuracy,
    CrossEntropy as CrossEntropy,
    confusion_matrix as confusion_matrix,
)
from .images import (
    PSNR as PSNR,
    SSIM as SSIM,
    MultiScaleSSIM as MultiScaleSSIM,
    NormalizedMutualInformation as NormalizedMutualInformation,
)
from .moments import (
    CentreOfMassError as CentreOfMassError,
    ChargeError as ChargeError,
    MisplacedCharge as MisplacedCharge,
    SecondMomentError as SecondMomentError,
)
from .norms import (
    L1 as L1,
    L2 as L2,
    MAE as MAE,
    MSE as MSE,
    NMAE as NMAE,
    NRMSE as NRMSE,
    RMSE as RMSE,
    Linf as Linf,
    PeakError as PeakError,
)
from .potentials import (
    AlignedL1 as AlignedL1,
    AlignedL2 as AlignedL2,
    AlignedR2 as AlignedR2,
    DensityWeightedL1 as DensityWeightedL1,
    DensityWeightedL2 as DensityWeightedL2,
    DensityWeightedR2 as DensityWeightedR2,
)
from .r2 import (
    R2 as R2,
    R2PerSystem as R2PerSystem,
    R2ScalarMean as R2ScalarMean,
)
