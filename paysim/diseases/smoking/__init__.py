"""Starting and stopping to smoke."""
