"""Edits of attention: edges closed in windows of layers, and mass moved onto a prompt."""

from toylab.analysis.attention_edits.knock_outs import window_knock_outs
from toylab.analysis.attention_edits.split_softmax import prompt_boost, split_softmax, splitting

__all__ = ["prompt_boost", "split_softmax", "splitting", "window_knock_outs"]
