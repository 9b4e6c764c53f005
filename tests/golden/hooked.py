"""Record what TransformerLens finds in a small random network: ``python tests/golden/hooked.py``.

Needs ``torch`` and ``transformer-lens`` below 4.0 (3.9.0 was used): 4.0 has no HookedTransformer.
Everything is float64 there, so that the differences are ours. Written beside this file: weights and
tokens, cached activations, patching grids, attribution, lens, composition and head scores.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

DEPTH, HEADS = 2, 2
CONFIG = {
    "n_layers": DEPTH,
    "d_model": 16,
    "n_ctx": 8,
    "d_head": 8,
    "n_heads": HEADS,
    "d_mlp": 24,
    "d_vocab": 11,
    "act_fn": "gelu",
    "normalization_type": "LN",
    "dtype": torch.float64,
    "device": "cpu",
    "default_prepend_bos": False,
}
INNER = """hook_resid_pre hook_resid_mid hook_resid_post attn.hook_pattern attn.hook_z attn.hook_q
attn.hook_k attn.hook_v hook_attn_out mlp.hook_pre mlp.hook_post hook_mlp_out""".split()
CACHED = ["hook_embed", "hook_pos_embed", "ln_final.hook_normalized"]
CACHED += [f"blocks.{i}.{name}" for i in range(DEPTH) for name in INNER]


def network() -> HookedTransformer:
    """A network whose every weight is random, biases and gains too."""
    model = HookedTransformer(HookedTransformerConfig(**CONFIG))
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, leaf in model.named_parameters():
            noise = torch.randn(leaf.shape, generator=drawn, dtype=torch.float64)
            leaf.copy_(1 + 0.3 * noise if name.endswith(".w") else 0.4 * noise)
        model.unembed.b_U.zero_()
    return model


def gains_folded(model: HookedTransformer) -> HookedTransformer:
    """The same network with the gains before attention multiplied into its weights."""
    folded = HookedTransformer(HookedTransformerConfig(**CONFIG))
    folded.load_state_dict(model.state_dict())
    with torch.no_grad():
        for block in folded.blocks:
            for weight in (block.attn.W_Q, block.attn.W_K, block.attn.W_V):
                weight.mul_(block.ln1.w[None, :, None])
    return folded


def first_order(model: HookedTransformer, clean, corrupt, metric, names) -> dict[str, np.ndarray]:
    """Attribution patching at the clean run: (corrupt - clean) . gradient, over the last axis."""
    _, there = model.run_with_cache(corrupt)
    kept = {}

    def keep(act, hook):
        act.retain_grad()
        kept[hook.name] = act

    value = metric(model.run_with_hooks(clean, fwd_hooks=[(name, keep) for name in names]))
    value.backward()
    scores = {n: ((there[n] - kept[n]) * kept[n].grad).sum(-1).sum(0) for n in names}
    return {f"first_order.{n}": s.detach().numpy() for n, s in scores.items()}


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    model = network()
    drawn = torch.Generator().manual_seed(1)
    clean = torch.randint(0, 11, (5, 8), generator=drawn)
    corrupt = clean.clone()
    corrupt[:, 3] = (clean[:, 3] + 1) % 11
    answer, other = clean[:, 0], (clean[:, 0] + 3) % 11
    rows = torch.arange(5)
    each = lambda logits: logits[rows, -1, answer] - logits[rows, -1, other]
    metric = lambda logits: each(logits).mean()
    logits, cache = model.run_with_cache(clean)
    found = {name: leaf.numpy() for name, leaf in model.state_dict().items() if leaf.ndim}
    found = {f"state.{n}": a for n, a in found.items() if not n.endswith("attn.mask")}
    found |= {"clean": clean, "corrupt": corrupt, "answer": answer, "other": other}
    found |= {"logits": logits} | {f"cache.{name}": cache[name] for name in CACHED}

    low, high = metric(model(corrupt)), metric(logits)
    share = lambda logits: (metric(logits) - low) / (high - low)
    grids = {
        "resid_pre": patching.get_act_patch_resid_pre,
        "attn/out": patching.get_act_patch_attn_out,
        "mlp/out": patching.get_act_patch_mlp_out,
        "heads": patching.get_act_patch_attn_head_out_all_pos,
    }
    found |= {f"patched.{n}": patch(model, corrupt, cache, share) for n, patch in grids.items()}

    names = ("blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre", "blocks.1.attn.hook_z")
    found |= first_order(model, clean, corrupt, metric, names)

    directions = model.W_U.T[answer] - model.W_U.T[other]
    heads = cache.stack_head_results(layer=-1)
    seen = lambda stack: cache.apply_ln_to_stack(stack, layer=-1, has_batch_dim=True)
    attributed = lambda stack: torch.einsum(
        "jbld,bd->jbl", seen(stack) * model.ln_final.w, directions
    )
    found["attributed.heads"] = attributed(heads)
    found["attributed.parts"] = attributed(cache.decompose_resid(layer=-1, mode="all"))

    layers = [cache[f"blocks.{i}.hook_resid_pre"] for i in range(DEPTH)]
    layers.append(cache[f"blocks.{DEPTH - 1}.hook_resid_post"])
    found["lens"] = torch.stack([model.unembed(model.ln_final(layer)) for layer in layers])

    folded = gains_folded(model)
    found |= {f"composition.{k}": folded.all_composition_scores(k) for k in "QKV"}
    arrays = {
        n: np.array(a.detach() if isinstance(a, torch.Tensor) else a) for n, a in found.items()
    }
    small = {
        n: a.astype(np.float32 if a.dtype.kind == "f" else np.int32) for n, a in arrays.items()
    }
    save_file(
        {n: np.ascontiguousarray(a) for n, a in small.items()},
        Path(__file__).with_suffix(".safetensors"),
    )
    print({n: a.shape for n, a in small.items() if not n.startswith("state")})


if __name__ == "__main__":
    main()
