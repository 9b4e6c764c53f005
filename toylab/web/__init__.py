"""The laboratory in a browser: a local server, and the pages that it serves.

The pages are made from ``web/`` by ``npm run build`` and shipped in ``site/``; ``built.json`` there
says from which sources.
"""
