"""The story of one certificate, as `giftcert show` tells it from the stream."""
