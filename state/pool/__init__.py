"""The pure rules of the pool of free numbers: first in, first out, one writer a pool."""
