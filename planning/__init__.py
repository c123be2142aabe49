"""What a plan means, without I/O: its resources, costs, downtime and what a change would do."""
