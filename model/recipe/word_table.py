# SPDX-License-Identifier: LGPL-2.1-or-later
"""Token embeddings that start from GloVe: row = vector x projection + the row's own part.

The own part is left out at random while training, so that the projection alone must do: that is what a word gets
that was in no caption. `rows` gives the plain table for export; Diffusers sees an ordinary token_embedding.
"""
import torch

LEFT_OUT = 0.15


class WordTable(torch.nn.Module):
    def __init__(self, vectors, width):
        super().__init__()
        # [symbols, 101]; zeros where GloVe has no word. In no state dict: DIR/glove.pt holds them.
        self.register_buffer("vectors", vectors.bfloat16(), persistent=False)
        self.register_buffer("known", vectors[:, 100] > 0, persistent=False)
        self.weight = torch.nn.Parameter(torch.zeros(len(vectors), width))
        self.projection = torch.nn.Parameter(torch.zeros(vectors.shape[1], width))

    def forward(self, ids):
        own = torch.nn.functional.embedding(ids, self.weight)
        if torch.is_grad_enabled():
            left = (torch.rand(ids.shape, device=ids.device) < LEFT_OUT) & self.known[ids]
            own = own.masked_fill(left[..., None], 0)
        return own + self.vectors[ids].to(own.dtype) @ self.projection

    @staticmethod
    def rows(vectors, weight, projection):
        return weight + vectors.float() @ projection

    def start_from(self, old, known):
        """`old` [symbols, width]: embeddings to begin with, where `known`; the projection fits them best (ridge)."""
        both = known & self.known
        v = self.vectors[both].float()
        system = v.T @ v + 30 * torch.eye(v.shape[1])
        self.projection.data = torch.linalg.solve(system, v.T @ old[both])
        own = old - self.vectors.float() @ self.projection.data
        self.weight.data = torch.where(known[:, None], own, torch.where(self.known[:, None], torch.zeros_like(own), old))
