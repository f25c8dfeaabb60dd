from .autoencoders import (
    Autoencoder as Autoencoder,
    ConvAutoencoder as ConvAutoencoder,
    ResidualAutoencoder as ResidualAutoencoder,
)
from .base import (
    Network as Network,
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
    FNO1D as FNO1D,
)
from .optimizers import (
    PairedOptimizer as PairedOptimizer,
)
from .patchgan import (
    PatchGAN as PatchGAN,
)
from .pix2pix import (
    Pix2Pix as Pix2Pix,
)
from .unet import (
    UNet as UNet,
)
