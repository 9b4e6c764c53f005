"""The conformance suite: the rules every task keeps."""
