"""Proof that the stores are what the log folds into, and their making anew from it.

verify   folds the retained topics to where the live stores are, and compares
rebuild  folds them to where the workers stopped, and writes the changelogs anew
replay   derives facts and commands again with today's code, and compares with the topics
"""
