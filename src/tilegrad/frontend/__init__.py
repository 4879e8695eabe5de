"""What others wrote, read into tensors: file formats of models and their weights.

Imports ``nn`` and everything below it. `gguf/` reads the files of quantised language models.
"""
