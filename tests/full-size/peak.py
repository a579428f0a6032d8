#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job holds in memory at most, beside the weights in a model's files:

    peak.py LIMIT MODEL COMMAND…     runs the command; fails if it held more than LIMIT million bytes more than the files"""
import glob
import os
import resource
import subprocess
import sys


def main():
    limit, model, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    weights = sum(os.path.getsize(path) for path in glob.glob(f"{model}/*/*.safetensors"))
    subprocess.run(command, check=True)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    good = most - weights <= limit * 1e6
    print(f"{'ok  ' if good else 'FAIL'} most resident {most / 1e6:,.0f} MB, {(most - weights) / 1e6:,.0f} MB more than the "
          f"weights; at most {limit:,.0f}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
