"""Small servers that behave as payment providers do, for the demo and for tests."""
