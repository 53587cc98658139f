"""What the model's output does when a concept takes another of its values, all else kept."""
