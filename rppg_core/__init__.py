"""rPPG Lab: a face video in; pulse, rates and an honest account of how far to trust them out."""
