"""`python -m deephar.cli`, if the command is not installed."""

import sys

from deephar.cli import main

sys.exit(main())
