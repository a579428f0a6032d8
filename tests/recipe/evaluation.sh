#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The model's evaluation: its prompts, its pixel checks, its recogniser (evaluation.py). Needs NumPy and Pillow; the
# recogniser needs PyTorch and the sprites.
export OMP_NUM_THREADS=1
exec /usr/bin/python3 "$(dirname "$0")/evaluation.py"
