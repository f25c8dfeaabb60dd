from .patchgan import PatchGAN as PatchGAN
from .pix2pix import Pix2Pix as Pix2Pix
from .unet import UNet as UNet
