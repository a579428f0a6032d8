#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The model's recipe for a GPU and for few steps, tried on the CPU (presets.py). Needs PyTorch, Pillow and NumPy.
export OMP_NUM_THREADS=1
exec /usr/bin/python3 "$(dirname "$0")/presets.py"
