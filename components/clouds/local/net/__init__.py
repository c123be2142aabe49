"""Networks of stacks on the machine: bridges and firewall rules."""
