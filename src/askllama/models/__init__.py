"""Everything with weights: encoder, reader and generators, and the files they come from."""
