"""Weights of other libraries, read into a :class:`Transformer` and written back.

Layouts, told apart by their names and shapes, but for nanoGPT's and minGPT's, which are alike:

=========== ================================================================================
gpt2        Hugging Face's GPT-2: ``transformer.h.0.attn.c_attn.weight`` (in, 3 D), or without
            the first word; the tanh form of GELU
nanogpt     nanoGPT: the same names, ``nn.Linear``'s (3 D, in); the exact GELU (the tanh form until
            the spring of 2023: give ``activation="gelu"``)
mingpt      minGPT since 2022: as nanoGPT, with the tanh form of GELU and an unembedding of its own
mingpt_2020 minGPT before, and Othello-GPT of Li et al. 2023: ``blocks.0.attn.key.weight``; the
            exact GELU
lens        TransformerLens: ``blocks.0.attn.W_Q`` (H, D, K); with or without MLPs, LayerNorm or
            RMSNorm, with weights or folded, or none; learned or rotary positions
=========== ================================================================================

A state dict is any mapping of names to arrays or tensors: ``torch.load(...)``, a module's
``state_dict()``, ``safetensors.numpy.load_file(...)``. Masks that stand in it as buffers are left
out; any other weight that nothing reads is refused.
"""

from toylab.models.layouts.convert import from_state_dict, to_state_dict

__all__ = ["from_state_dict", "to_state_dict"]
