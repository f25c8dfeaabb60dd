"""Check the prose of every page with proselint; ``proselint.json`` says what is left out."""

import subprocess
import sys
from pathlib import Path

from check_links import pages

if __name__ == "__main__":
    config = Path(__file__).with_name("proselint.json")
    command = ["proselint", "check", "--config", config, *pages()]
    sys.exit(subprocess.run(command, check=False).returncode)
