from .field import Field as Field
from .generation import generate as generate
from .quantum_dots import QuantumDots as QuantumDots
from .recipe import Recipe as Recipe
from .recipes import recipe_class as recipe_class
from .store import Store as Store
from .store import open_store as open_store
from .wells import Wells as Wells
