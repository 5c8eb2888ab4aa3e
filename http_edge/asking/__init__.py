"""The way of a call: read, checked, put to the flow or handed on, and answered."""
