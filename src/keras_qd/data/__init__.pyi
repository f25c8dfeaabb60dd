from .augmentation import (
    Augmentation as Augmentation,
    Jitter as Jitter,
    Reflection as Reflection,
    Shifts as Shifts,
    SquareSymmetries as SquareSymmetries,
    build_augmentation as build_augmentation,
    symmetry as symmetry,
)
from .dataset import (
    ArrayDataset as ArrayDataset,
    Dataset as Dataset,
    split_rows as split_rows,
)
from .fields import (
    Field as Field,
)
from .gate_dots import (
    GateDots as GateDots,
)
from .image_pairs import (
    prepare_pairs as prepare_pairs,
)
from .importing import (
    FieldNames as FieldNames,
    export_files as export_files,
    import_files as import_files,
)
from .own_potentials import (
    solve_potentials as solve_potentials,
)
from .quantum_dots import (
    QuantumDots as QuantumDots,
)
from .recipes import (
    Recipe as Recipe,
    recipe_class as recipe_class,
)
from .scaling import (
    LinearScaling as LinearScaling,
    LogScaling as LogScaling,
    OneHot as OneHot,
    Scaling as Scaling,
    fit_scaling as fit_scaling,
    scaling_from_config as scaling_from_config,
)
from .store.generate import (
    generate as generate,
)
from .store.store import (
    Store as Store,
    open_store as open_store,
)
from .store.summary import (
    in_material as in_material,
)
from .store.writer import (
    write_store as write_store,
)
from .stored import (
    GeneratedDataset as GeneratedDataset,
    StoredArray as StoredArray,
    StoredDataset as StoredDataset,
)
from .wells import (
    Wells as Wells,
)
