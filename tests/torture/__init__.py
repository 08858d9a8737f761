"""The long form of what is promised about reliability and security: ``make torture`` runs it and prints one table."""
