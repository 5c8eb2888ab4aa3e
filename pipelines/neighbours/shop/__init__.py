"""The reference store and till: what a sales channel does, with pages that people can use."""
