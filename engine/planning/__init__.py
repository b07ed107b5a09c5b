"""Pure algorithms over "made of" relations and plans: plain data in, plain data out, no database."""
