"""instanceTemplates and regionInstanceTemplates."""
