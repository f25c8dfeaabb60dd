from .autoencoders import (
    Autoencoder as Autoencoder,
    ConvAutoencoder as ConvAutoencoder,
    ResidualAutoencoder as ResidualAutoencoder,
)
from .base import (
    Network as Network,
    searches as searches,
)
from .classifiers import (
    DigitCNN as DigitCNN,
    DigitResNet as DigitResNet,
)
from .energies import (
    EnergyCNN as EnergyCNN,
    Residual1D as Residual1D,
)
from .fno import (
    FNO as FNO,
    FNO1D as FNO1D,
)
from .numbers import (
    Residual2D as Residual2D,
    RestoreMean as RestoreMean,
    TableMLP as TableMLP,
)
from .optimizers import (
    PairedOptimizer as PairedOptimizer,
)
from .pix2pix import (
    PatchGAN as PatchGAN,
    Pix2Pix as Pix2Pix,
)
from .residual_unet import (
    ResidualUNet as ResidualUNet,
)
from .transformer_unet import (
    TransformerUNet as TransformerUNet,
)
from .unet import (
    UNet as UNet,
)
