"""Set-up as code: organizations and what belongs to them, described in a YAML file."""
