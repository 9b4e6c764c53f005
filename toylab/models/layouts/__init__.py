"""Weights of other libraries, read into a :class:`Transformer` and written back.

Layouts, told apart by their names:

========= ==================================================================================
gpt2      Hugging Face's GPT-2: ``transformer.h.0.attn.c_attn.weight`` (in, 3 D), or without
          the first word; the tanh form of GELU
nanogpt   nanoGPT and minGPT: the same names, ``nn.Linear``'s (3 D, in); the exact GELU
lens      TransformerLens, nothing folded: ``blocks.0.attn.W_Q`` (H, D, K)
========= ==================================================================================

A state dict is any mapping of names to arrays or tensors: ``torch.load(...)``, a module's
``state_dict()``, ``safetensors.numpy.load_file(...)``.
"""

from toylab.models.layouts.convert import from_state_dict, to_state_dict

__all__ = ["from_state_dict", "to_state_dict"]
