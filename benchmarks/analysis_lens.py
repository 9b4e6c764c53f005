"""A Python loop of TransformerLens (3.9.0), as its own tutorials write it; one network a step.

Patching is ``transformer_lens.patching``, its progress bars off. It has no edge attribution, so
that is the usual one with its hooks: two forward passes, one backward, inputs split by head.
"""

import os
import warnings
from typing import Any

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which PyTorch may do
import torch

from toylab.benchmarks.analysis import Case, inputs
from toylab.cli.bench import timed_burst


class Loop:
    """Keeps a few networks and goes through them in turn."""

    kept = 4

    def __init__(self) -> None:
        warnings.simplefilter("ignore")
        import transformer_lens

        self.lens = transformer_lens

    def prepare(self, case: Case, state: dict[str, Any] | None = None) -> str:
        """Build the networks, warm up and keep the fastest number of threads."""
        self.case, self.place = case, 0
        self.data = {name: torch.tensor(array.tolist()) for name, array in inputs(case).items()}
        self.networks = [self._network(seed, state) for seed in range(self.kept)]
        speed = {}
        for threads in sorted({1, os.cpu_count() or 1}):
            torch.set_num_threads(threads)
            self.run(1)
            speed[threads] = timed_burst(self, 0.5)
        best = max(speed, key=speed.__getitem__)
        torch.set_num_threads(best)
        return f"{best} of {os.cpu_count()} threads"

    def _network(self, seed: int, state: dict[str, Any] | None) -> Any:
        case = self.case
        torch.manual_seed(seed)
        config = self.lens.HookedTransformerConfig(
            n_layers=case.depth, d_model=case.width, n_ctx=case.length, n_heads=case.heads,
            d_head=case.width // case.heads, d_mlp=4 * case.width, d_vocab=case.vocab,
            act_fn="gelu", normalization_type="LN", device="cpu", default_prepend_bos=False,
        )  # fmt: skip
        model = self.lens.HookedTransformer(config)
        if state is not None:
            model.load_state_dict(state, strict=False)
        if case.job == "edges":
            model.set_use_split_qkv_input(True)
            model.set_use_hook_mlp_in(True)
            model.set_use_attn_result(True)
        return model

    def run(self, steps: int) -> None:
        """Do the job on ``steps`` networks."""
        for _ in range(steps):
            network = self.networks[self.place % self.kept]
            self.place += 1
            self.found = getattr(self, self.case.job)(network)

    def _metric(self, logits: Any) -> Any:
        rows = torch.arange(len(logits))
        here, there = self.data["answer"], self.data["other"]
        return (logits[rows, -1, here] - logits[rows, -1, there]).mean()

    @torch.no_grad()
    def grid(self, model: Any) -> Any:
        """Denoising effects, (layer, position)."""
        logits, cache = model.run_with_cache(self.data["clean"])
        high, low = self._metric(logits), self._metric(model(self.data["corrupt"]))
        share = lambda logits: (self._metric(logits) - low) / (high - low)
        patch = self.lens.patching.get_act_patch_resid_pre
        return patch(model, self.data["corrupt"], cache, share)

    def edges(self, model: Any) -> Any:
        """Scores of edges, (reader, writer), readers and writers in our order."""
        depth, layers = self.case.depth, range(self.case.depth)
        writers = ["hook_embed", "hook_pos_embed"]
        writers += [f"blocks.{i}.{n}" for i in layers for n in ("attn.hook_result", "hook_mlp_out")]
        readers = [
            f"blocks.{i}.{n}"
            for i in layers
            for n in ("hook_q_input", "hook_k_input", "hook_v_input", "hook_mlp_in")
        ]
        readers.append(f"blocks.{depth - 1}.hook_resid_post")
        with torch.no_grad():
            _, there = model.run_with_cache(self.data["corrupt"], names_filter=writers)
        here, slopes = {}, {}
        keep = lambda act, hook: here.__setitem__(hook.name, act.detach())
        slope = lambda grad, hook: slopes.__setitem__(hook.name, grad.detach())
        hooks = {
            "fwd_hooks": [(n, keep) for n in writers],
            "bwd_hooks": [(n, slope) for n in readers],
        }
        with model.hooks(**hooks):
            self._metric(model(self.data["clean"])).backward()
        wide = lambda act: act if act.ndim == 4 else act[:, :, None]
        moves = [wide(there[n] - here[n]) for n in writers]
        moves = torch.cat([moves[0] + moves[1], *moves[2:]], 2)
        grads = torch.cat([wide(slopes[n]) for n in readers], 2)
        return torch.einsum("blrd,blwd->rw", grads, moves)

    @torch.no_grad()
    def heads(self, model: Any) -> Any:
        """Previous-token, duplicate-token and induction scores, (3, layer, head)."""
        pattern = lambda name: name.endswith("hook_pattern")
        _, cache = model.run_with_cache(self.data["repeats"], names_filter=pattern)
        period = self.case.length // 2
        layers = [cache[f"blocks.{i}.attn.hook_pattern"].mean(0) for i in range(self.case.depth)]
        # Induction is of the second copy alone: its diagonal begins a place before.
        marks = ((1, 0), (period, 0), (period - 1, 1))
        stripe = lambda act, back, skip: act.diagonal(-back, -2, -1)[..., skip:].mean(-1)
        return torch.stack([torch.stack([stripe(act, *m) for act in layers]) for m in marks])
