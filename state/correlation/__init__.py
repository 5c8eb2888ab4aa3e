"""The pure fold over facts: from orders and payments to commands for certificates."""
