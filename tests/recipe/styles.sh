#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sprites in styles that no source has (styles.py). Needs NumPy and Pillow.
exec /usr/bin/python3 "$(dirname "$0")/styles.py"
