# SPDX-License-Identifier: LGPL-2.1-or-later
"""Distances between pictures (uint8 [N, h, w, 3]) and between sets of features (float [N, d])."""
import numpy as np

WINDOW, SIGMA = 11, 1.5


def psnr(a, b):
    """Decibels, of the mean squared error over all pictures."""
    error = ((a.astype(np.float64) - b) ** 2).mean()
    return 10 * np.log10(255 ** 2 / error) if error else np.inf


def ssim(a, b):
    """Mean structural similarity of the luma (Wang et al. 2004: Gaussian window of 11, sigma 1.5)."""
    x = np.exp(-(np.arange(WINDOW) - WINDOW // 2) ** 2 / (2 * SIGMA ** 2))
    x /= x.sum()

    def blur(p):
        rows = sum(w * p[:, k:p.shape[1] - WINDOW + 1 + k] for k, w in enumerate(x))
        return sum(w * rows[:, :, k:p.shape[2] - WINDOW + 1 + k] for k, w in enumerate(x))

    a, b = (p.astype(np.float64) @ (0.299, 0.587, 0.114) for p in (a, b))
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2))).mean()


def frechet(a, b):
    """|mean a - mean b|^2 + tr(A + B - 2 (A B)^(1/2)), A and B the covariances."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    ca, cb = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(ca)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    crossed = np.sqrt(np.linalg.eigvalsh(root @ cb @ root).clip(0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * crossed
