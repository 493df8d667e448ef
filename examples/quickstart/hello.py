"""What the quickstart's container does: it says where it runs, and counts."""

import platform

import numpy

numbers = numpy.arange(10)
print("Hello from Python", platform.python_version(), "with numpy", numpy.__version__)
print("The sum of", numbers, "is", numbers.sum())
