"""The plans held against the rules of a scanner that reads Terraform."""
