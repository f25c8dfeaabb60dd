"""Let the tests, and through their search path their workers, import ``recipes_for_tests``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
