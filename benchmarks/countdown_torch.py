"""A plain PyTorch sampler of the same network, with kept keys and values.

The cache is allocated once for the whole context; a step writes its keys and values in place and
attends over a view of the filled part alone, so that nothing is padded. Eager, float32, under
``inference_mode``. Before it is timed, the side tries one thread and all, and keeps the faster.

Shapes: B batch, L positions, D width, H heads, K head dim, V logits.
"""

import dataclasses
import os
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from toylab.benchmarks.countdown import Case

EPS, BASE = 1e-5, 10_000.0


class Cached:
    """Draws whole sequences; a step is one batch of them."""

    def __init__(self) -> None:
        self.where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.threads = sorted({1, torch.get_num_threads(), os.cpu_count() or 1})

    def prepare(self, case: Case, params: Any = None) -> str:
        """Take parameters (drawn ones by default), warm up and choose the number of threads."""
        torch.manual_seed(0)
        torch.set_float32_matmul_precision("highest")
        self.case = case
        self.weights = self._weights(params)
        k = case.width // case.heads
        angle = np.arange(case.context)[:, None] * BASE ** (-np.arange(k // 2) / (k // 2))
        turn = lambda f: torch.tensor(f(angle), dtype=torch.float32, device=self.where)
        self.cos, self.sin = turn(np.cos), turn(np.sin)
        short = dataclasses.replace(case, context=min(case.context, case.prompt + 24))
        took = {threads: self._trial(short, threads) for threads in self.threads}
        best = min(took, key=lambda threads: took[threads])
        torch.set_num_threads(best)
        self.case = case
        return f"{best} of {self.threads[-1]} threads" if self.where.type == "cpu" else "CUDA"

    def run(self, steps: int) -> None:
        """Draw ``steps`` batches."""
        for _ in range(steps):
            prompts = torch.ones((self.case.batch, self.case.prompt), dtype=torch.long)
            self.made = self.sample(prompts.to(self.where))
        if self.where.type == "cuda":
            torch.cuda.synchronize()

    @torch.inference_mode()
    def sample(self, prompts_BL: Tensor, greedy: bool = False) -> tuple[Tensor, Tensor]:
        """Draw tokens up to the context; also their log-probabilities, as ours returns them."""
        case = self.case
        shape = (case.depth, len(prompts_BL), case.heads, case.context, case.width // case.heads)
        self.keys, self.values = (torch.empty(shape, device=self.where) for _ in range(2))
        tokens, logps, part, first = [], [], prompts_BL, 0
        for _ in range(case.drawn):
            nats_BV = self._extend(part, first).log_softmax(-1)
            first += part.shape[1]
            drawn = nats_BV.argmax(-1) if greedy else torch.multinomial(nats_BV.exp(), 1)[:, 0]
            tokens.append(drawn)
            logps.append(nats_BV.gather(-1, drawn[:, None])[:, 0])
            part = drawn[:, None]
        return torch.stack(tokens, 1), torch.stack(logps, 1)

    def _extend(self, tokens_BS: Tensor, first: int) -> Tensor:
        """Logits (B, V) after the last of the tokens, whose first stands at ``first``."""
        case, end = self.case, first + tokens_BS.shape[1]
        x_BSD = F.embedding(tokens_BS, self.weights["embed"])
        for i in range(case.depth):
            w = self.weights[i]
            split = lambda y: y.view(*y.shape[:2], case.heads, -1).transpose(1, 2)
            normed = self._norm(x_BSD, w["norm_attn"])
            q, k, v = (split(normed @ w[name]) for name in ("w_q", "w_k", "w_v"))
            self.keys[i, :, :, first:end] = self._turn(k, first, end)
            self.values[i, :, :, first:end] = v
            kept = self.keys[i, :, :, :end], self.values[i, :, :, :end]
            z = F.scaled_dot_product_attention(
                self._turn(q, first, end), *kept, is_causal=tokens_BS.shape[1] > 1
            )
            x_BSD = x_BSD + z.transpose(1, 2).flatten(2) @ w["w_o"]
            normed = self._norm(x_BSD, w["norm_mlp"])
            x_BSD = x_BSD + (F.silu(normed @ w["gate"]) * (normed @ w["up"])) @ w["down"]
        return self._norm(x_BSD[:, -1], self.weights["norm"]) @ self.weights["unembed"]

    def _norm(self, x: Tensor, gain: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), gain, EPS)

    def _turn(self, x_BHSK: Tensor, first: int, end: int) -> Tensor:
        """Rotary positions; pairs are half a head apart."""
        left, right = x_BHSK.chunk(2, -1)
        cos, sin = self.cos[first:end], self.sin[first:end]
        return torch.cat([left * cos - right * sin, left * sin + right * cos], -1)

    def _weights(self, params: Any) -> dict[Any, Any]:
        """Ours in PyTorch's hands, or normal ones of the same shapes."""
        case, d = self.case, self.case.width
        if params is not None:
            told = lambda leaf: torch.tensor(np.asarray(leaf).tolist(), device=self.where)
            blocks = [params["blocks"][str(i)] for i in range(case.depth)]
            flat = lambda leaf, rows: told(leaf).reshape(rows, -1)
            found: dict[Any, Any] = {i: {} for i in range(case.depth)}
            for w, block in zip(found.values(), blocks, strict=True):
                attn, mlp = block["attn"], block["mlp"]
                w |= {name: flat(attn[name], d) for name in ("w_q", "w_k", "w_v")}
                w |= {"w_o": flat(attn["w_o"], d)}
                w |= {name: told(mlp[name]["kernel"]) for name in ("gate", "up", "down")}
                w |= {name: told(block[name]["scale"]) for name in ("norm_attn", "norm_mlp")}
            ends = {"embed": told(params["embed"]["embedding"])}
            ends |= {"norm": told(params["norm"]["scale"])}
            return found | ends | {"unembed": told(params["unembed"]["kernel"])}
        draw = lambda *shape: torch.randn(shape, device=self.where) / shape[0] ** 0.5
        square = lambda: {name: draw(d, d) for name in ("w_q", "w_k", "w_v", "w_o")}
        mlp = lambda: (
            {n: draw(d, case.hidden) for n in ("gate", "up")} | {"down": draw(case.hidden, d)}
        )
        gains = lambda *names: {name: torch.ones(d, device=self.where) for name in names}
        whole: dict[Any, Any] = {
            i: square() | mlp() | gains("norm_attn", "norm_mlp") for i in range(case.depth)
        }
        ends = {"embed": draw(case.vocab, d), "unembed": draw(d, case.vocab)}
        return whole | ends | gains("norm")

    def _trial(self, case: Case, threads: int) -> float:
        """Seconds of a short sample, the better of two."""
        torch.set_num_threads(threads)
        self.case, best = case, float("inf")
        for _ in range(2):
            start = time.perf_counter()
            self.run(1)
            best = min(best, time.perf_counter() - start)
        return best
