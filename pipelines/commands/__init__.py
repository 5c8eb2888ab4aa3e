"""The commands of `giftcert`, one file each; `pipelines/cli.py` holds the table of them."""
