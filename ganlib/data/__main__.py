"""`python -m ganlib.data` fetches what the book needs and says where it lies."""

import sys

from ganlib import data

if __name__ == "__main__":
    sys.exit(data.main())
