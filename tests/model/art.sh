#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The model's recipe up to the art: fetching, cleaning, drawing, the enlarger's files. Needs no network; what needs
# python3-torch or python3-gi-cairo is skipped where they are not installed.
exec /usr/bin/python3 "$(dirname "$0")/art.py"
