"""The web console: a person being learned, the model, a user's timeline, the server's health."""
