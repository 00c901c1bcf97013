"""Bench: one command measures Runwright, what the machine allows, and peers beside it. `python -m bench --help`.

It is no part of the product: the package never imports it, and its peers are never dependencies of the product.
"""
