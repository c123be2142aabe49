"""What a stack has in this cloud."""
