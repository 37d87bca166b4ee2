"""`python -m controller`, the entry of the controller's image."""

import sys

from controller.main import main

sys.exit(main())
