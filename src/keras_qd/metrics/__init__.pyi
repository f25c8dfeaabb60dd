from .aligned import (
    AlignedL1 as AlignedL1,
    AlignedL2 as AlignedL2,
    AlignedR2 as AlignedR2,
)
from .classification import (
    Accuracy as Accuracy,
    confusion_matrix as confusion_matrix,
)
from .cross_entropy import (
    CrossEntropy as CrossEntropy,
)
from .density_weighted import (
    DensityWeightedL1 as DensityWeightedL1,
    DensityWeightedL2 as DensityWeightedL2,
    DensityWeightedR2 as DensityWeightedR2,
)
from .field_metric import (
    FieldMetric as FieldMetric,
)
from .mean_errors import (
    MAE as MAE,
    MSE as MSE,
    RMSE as RMSE,
)
from .measure import (
    Context as Context,
    Measure as Measure,
    unit_of as unit_of,
)
from .moments import (
    CentreOfMassError as CentreOfMassError,
    ChargeError as ChargeError,
    SecondMomentError as SecondMomentError,
)
from .ms_ssim import (
    MultiScaleSSIM as MultiScaleSSIM,
)
from .mutual_information import (
    NormalizedMutualInformation as NormalizedMutualInformation,
)
from .norms import (
    L1 as L1,
    L2 as L2,
    Linf as Linf,
)
from .psnr import (
    PSNR as PSNR,
)
from .r2 import (
    R2 as R2,
)
from .r2_variants import (
    R2PerSystem as R2PerSystem,
    R2ScalarMean as R2ScalarMean,
)
from .relative_errors import (
    NMAE as NMAE,
    NRMSE as NRMSE,
    PeakError as PeakError,
)
from .sample_mean import (
    SampleMean as SampleMean,
)
from .ssim import (
    SSIM as SSIM,
)
