"""What the API is: its calls, their types, their problems, and its description for others."""
