"""Signal maths on plain arrays: filters, spectra, beats, quality."""
